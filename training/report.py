"""What a run reports: ours beside the paper's, in Markdown and JSON."""

import dataclasses
import json
import shlex

from keras_genseq.export import atomic


@dataclasses.dataclass
class Report:
    """Results of one run.

    Attributes:
        title: str.
        rows: list of `(quantity, ours, theirs, remark)`; the first row is the
            run's headline.
        figures: list of `(caption, file name below figures/)`.
        notes: list of paragraphs.
        metrics: dict of plain numbers, for `results.json` and `card.json`.
    """

    title: str
    rows: list = dataclasses.field(default_factory=list)
    figures: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    metrics: dict = dataclasses.field(default_factory=dict)

    def add(self, quantity, ours, theirs="", remark=""):
        """Adds a row to the table."""
        self.rows.append((quantity, ours, theirs, remark))

    def markdown(self, config, progress):
        """The report as text.

        Args:
            config: what the run folder's `config.json` holds.
            progress: lines on how the run went.
        """
        lines = [f"# {self.title}", "", f"`{config['command']}`", "", *progress]
        lines += ["", "| | ours | paper | |", "|---|---:|---:|---|"]
        lines += ["| " + " | ".join(map(str, row)) + " |" for row in self.rows]
        for note in self.notes:
            lines += ["", note]
        for caption, name in self.figures:
            lines += ["", f"## {caption}", "", f"![{caption}](figures/{name})"]
        lines += ["", "## Configuration", "", "```json"]
        lines += [json.dumps(config["recipe_values"], indent=1), "```", ""]
        return "\n".join(lines)

    def write(self, run, progress):
        """Writes `report.md` and `results.json` into a run folder.

        Args:
            run: `RunFolder`.
            progress: lines on how the run went.
        """
        text = self.markdown(run.read_config(), progress)
        atomic.write_text(str(run.report.absolute()), text)
        atomic.write_text(
            str(run.results.absolute()), json.dumps(self.metrics, indent=1)
        )


def command_line(arguments):
    """The command that made a run, as one types it."""
    return shlex.join(["python", "-m", "training", *arguments])

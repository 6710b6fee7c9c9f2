"""What a run reports: ours beside the paper's, in Markdown and JSON."""

import dataclasses
import json
import math
import shlex

from keras_genseq.export import atomic
from training import figures
from training.markdown import fenced
from training.markdown import markdown_table

# How the note on a part begins that could not be made.
LEFT_OUT = "Left out:"


@dataclasses.dataclass
class Report:
    """Results of one run.

    Attributes:
        title: str.
        rows: list of `(quantity, ours, theirs, remark)`; the first row is the
            run's headline.
        figures: list of `(name, caption, image)`.
        notes: list of paragraphs.
        metrics: dict of plain numbers, for `results.json` and `card.json`.
        comparison: optional `(ours, unit, baselines)`, and perhaps a floor,
            of which `verdict` makes a sentence; lower is better.
        prompt: optional str. What the model can be told to draw, or to go on
            with, of the test data.
        num_written: int. How many of the figures are in the run folder.
    """

    title: str
    rows: list = dataclasses.field(default_factory=list)
    figures: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    metrics: dict = dataclasses.field(default_factory=dict)
    comparison: tuple | None = None
    prompt: str | None = None
    num_written: int = dataclasses.field(default=0, init=False)

    def add(self, quantity, ours, theirs="", remark=""):
        """Adds a row to the table."""
        self.rows.append((quantity, ours, theirs, remark))

    def leave_out(self, name, reason):
        """Notes a part that cannot be made, and why."""
        reason = " ".join(reason.split())
        self.notes.append(f"{LEFT_OUT} {name}. {reason}")

    def add_figure(self, name, caption, image):
        """Adds a figure.

        Args:
            name: str. Of its file below `figures/`, without `.png`.
            caption: str.
            image: `(height, width, channels)` array in [0, 1].
        """
        self.figures.append((name, caption, image))

    def add_curves(self, history, names, unit, levels=None, caption="Training"):
        """Adds curves of metrics over epochs, if the run had any.

        Args:
            history: list of dicts, one an epoch.
            names: metrics to draw.
            unit: str.
            levels: optional dict: label -> height of a dashed line.
            caption: str.
        """
        if history:
            image = figures.curves(history, names, ylabel=unit, levels=levels)
            self.add_figure("curves", caption, image)

    def markdown(self, config, progress):
        """The report as text.

        Args:
            config: what the run folder's `config.json` holds.
            progress: lines on how the run went.
        """
        lines = [f"# {self.title}", "", f"`{config['command']}`", "", *progress]
        table = markdown_table(["", "ours", "paper", ""], self.rows, "lrrl")
        lines += ["", table]
        for note in self.notes:
            lines += ["", note]
        for name, caption, _ in self.figures:
            lines += ["", f"## {caption}", ""]
            lines += [f"![{caption}](figures/{name}.png)"]
        values = json.dumps(config["recipe_values"], indent=1)
        lines += ["", "## Configuration", ""]
        if any(o.startswith("data=") for o in config.get("overrides", ())):
            lines += ["As described; what the data changed is said above.", ""]
        lines += [fenced(values, "json"), ""]
        return "\n".join(lines)

    def write_figures(self, run):
        """Writes the figures that are not yet in a run folder.

        Args:
            run: `RunFolder`.
        """
        run.figures.mkdir(parents=True, exist_ok=True)
        for name, _, image in self.figures[self.num_written :]:
            figures.write_image(run.figures / f"{name}.png", image)
        if not self.num_written and self.figures:
            print(f"Pictures appear in {run.figures}", flush=True)
        self.num_written = len(self.figures)

    def write(self, run, progress):
        """Writes figures, `report.md` and `results.json` into a run folder.

        Args:
            run: `RunFolder`.
            progress: lines on how the run went.
        """
        self.write_figures(run)
        text = self.markdown(run.read_config(), progress)
        atomic.write_text(str(run.report.absolute()), text)
        atomic.write_text(
            str(run.results.absolute()),
            json.dumps(
                {k: _without_nan(v) for k, v in self.metrics.items()}, indent=1
            ),
        )


def _without_nan(value):
    """JSON has no word for what is not defined, as an interval of one value."""
    return None if isinstance(value, float) and math.isnan(value) else value


def command_line(arguments):
    """The command that made a run, as one types it."""
    return shlex.join(["python", "-m", "training", *arguments])

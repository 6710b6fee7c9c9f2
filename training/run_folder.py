"""Where a run keeps what it leaves."""

import dataclasses
import json
import pathlib

from keras_genseq.export import atomic
from training.recipe import without_modules


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Paths of one run.

    Attributes:
        path: folder of the run.
    """

    path: pathlib.Path

    @property
    def config(self):
        """Resolved configuration, JSON."""
        return self.path / "config.json"

    @property
    def checkpoints(self):
        return self.path / "checkpoints"

    @property
    def best_weights(self):
        """Weights with the lowest monitored metric."""
        return self.path / "best.weights.h5"

    @property
    def model(self):
        """The trained model, a `.keras` file."""
        return self.path / "model.keras"

    @property
    def logs(self):
        """TensorBoard's event files."""
        return self.path / "logs"

    @property
    def metrics(self):
        """Metrics of every epoch, CSV."""
        return self.path / "metrics.csv"

    @property
    def results(self):
        """Results of the evaluation, JSON."""
        return self.path / "results.json"

    @property
    def figures(self):
        return self.path / "figures"

    @property
    def report(self):
        return self.path / "report.md"

    def read_config(self):
        """The configuration as `write_config` got it.

        Raises:
            FileNotFoundError: if this is no run folder.
        """
        try:
            return json.loads(self.config.read_text())
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{self.path} is no run folder: it has no config.json. "
                "`python -m training train RECIPE --run-dir DIR` makes one."
            ) from error

    def write_config(self, config):
        """Writes the configuration, or checks that it is the same.

        Raises:
            ValueError: if the folder holds a run with other numbers.
        """
        if self.config.exists():
            present = without_modules(self.read_config())
            config = without_modules(config)
            differing = sorted(
                key
                for key in present.keys() | config.keys()
                if present.get(key) != config.get(key)
            )
            if differing:
                raise ValueError(
                    f"{self.path} holds a run with other numbers: "
                    f"{', '.join(differing)} differ. Go on with the command "
                    "that began it, or name another --run-dir."
                )
            return
        self.figures.mkdir(parents=True, exist_ok=True)
        atomic.write_text(
            str(self.config.absolute()), json.dumps(config, indent=1) + "\n"
        )

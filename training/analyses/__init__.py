"""Questions about the architectures, answered with figures and numbers."""

import importlib
import inspect

from training.names import check_name

# Modules with `study(output, ...)`.
STUDIES = {
    "anomalies": "training.analyses.anomalies",
    "gradients": "training.analyses.gradients",
}


def run_study(name, output, **options):
    """Runs a study and prints what it wrote.

    Args:
        name: str. Key of `STUDIES`.
        output: path of the folder that it writes to.
        **options: of the study.

    Raises:
        ValueError: if there is no such study, or it has no such option.
    """
    check_name(name, STUDIES, "study")
    study = importlib.import_module(STUDIES[name]).study
    known = set(inspect.signature(study).parameters) - {"output"}
    unknown = sorted(set(options) - known)
    if unknown:
        raise ValueError(
            f"The study {name!r} has no option {', '.join(unknown)}. There "
            f"are: {', '.join(sorted(known))}."
        )
    for path in study(output, **options):
        print(path)

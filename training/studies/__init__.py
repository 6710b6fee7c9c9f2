"""Questions about the architectures, answered with figures and numbers."""

import importlib

# Modules with `study(output, ...)`.
STUDIES = {"gradients": "training.studies.gradients"}


def run_study(name, output, **options):
    """Runs a study and prints what it wrote.

    Args:
        name: str. Key of `STUDIES`.
        output: path of the folder that it writes to.
        **options: of the study.

    Raises:
        ValueError: if there is no such study.
    """
    if name not in STUDIES:
        raise ValueError(
            f"There is no study {name!r}. There are: {', '.join(STUDIES)}."
        )
    module = importlib.import_module(STUDIES[name])
    for path in module.study(output, **options):
        print(path)

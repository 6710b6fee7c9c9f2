"""Imports go down the stairs, never up, sideways or in a circle."""

import ast
import functools
import graphlib
import pathlib

ROOT = pathlib.Path(__file__).parent.parent

# From the ground up. A room may use what is below it, and itself; the rooms of
# a floor marked with True may also use each other.
FLOORS = (
    (False, ["keras_genseq.ops"]),
    (
        False,
        [
            f"keras_genseq.{room}"
            for room in (
                "export",
                "layers",
                "losses",
                "metrics",
                "samplers",
                "tokenizers",
            )
        ],
    ),
    (False, ["keras_genseq.models.base"]),
    (
        True,
        [
            f"keras_genseq.models.{room}"
            for room in ("classifier", "density", "text")
        ],
    ),
    # The families: one model may use another.
    (True, ["keras_genseq.models.*"]),
    (False, ["keras_genseq.models"]),
    (False, ["keras_genseq.loading"]),
    (False, ["keras_genseq.serving"]),
    (False, ["keras_genseq"]),
    (
        False,
        [
            "training",
            "training.data",
            "training.exit_status",
            "training.interruption",
            "training.muon",
            "training.names",
            "training.private_network",
            "training.remote_folder",
            "training.silent_import",
            "training.worker_group",
        ],
    ),
    (
        True,
        [
            f"training.{room}"
            for room in (
                "checkpoints",
                "factory",
                "figures",
                "gan_monitor",
                "latent_plots",
                "markdown",
                "opening",
                "optimizers",
                "overrides",
                "query",
                "query_inputs",
                "recipe",
                "report",
                "run_batches",
                "run_copies",
                "run_folder",
                "strategies",
                "subwords",
                "verdict",
            )
        ],
    ),
    (True, ["training.launch", "training.launch_ray"]),
    (False, ["training.evaluations"]),
    (False, ["training.recipes"]),
    (False, ["training.resolve"]),
    (False, ["training.fitting_images", "training.fitting_schedule"]),
    (False, ["training.fitting"]),
    (False, ["training.stages"]),
    (
        True,
        [
            f"training.{room}"
            for room in (
                "callbacks",
                "displays",
                "evaluation",
                "initial_weights",
                "rehearsal",
                "token_data",
                "train",
                "feature_classifier",
            )
        ],
    ),
    (
        False,
        [
            f"training.{room}"
            for room in (
                "analyses",
                "benchmarks",
                "check_export",
                "command_checks",
                "demo",
                "evaluate",
                "export",
                "forecast",
                "listing",
                "query_server",
                "sample",
                "serving",
            )
        ],
    ),
    (False, ["training.commands"]),
    (False, ["training.__main__"]),
)
# Rooms that know nothing else of the house but what is named here, and the
# package's version. Data and served graphs split words by one rule.
ALONE = {
    "training.data": ("keras_genseq.tokenizers",),
    "training.names": (),
    "training.muon": (),
}
VERSION = "keras_genseq"


def module_name(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


SOURCES = {
    module_name(path): path.read_text()
    for folder in ("keras_genseq", "training")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def imports(source):
    """Names that a source text imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif (
            isinstance(node, ast.Constant)
            and node.value in SOURCES
            and "." in node.value
        ):
            # Imported by its name, as benchmarks and studies are.
            yield node.value


def module_of(name):
    """The module that holds an imported name, or an empty string."""
    while name and name not in SOURCES:
        name = name.rpartition(".")[0]
    return name


def graph(sources):
    """dict: module -> the modules of the house that it imports."""
    edges = {
        module: {module_of(name) for name in imports(source)} - {module, ""}
        for module, source in sources.items()
    }
    # The recipes are imported by their names.
    by_name = {m for m in sources if m.startswith("training.recipes.")}
    if "training.recipes" in edges:
        edges["training.recipes"] |= by_name
    return edges


@functools.cache
def house():
    return graph(SOURCES)


def floor_and_room(module):
    """Where a module lives, or None."""
    best = None
    for level, (_, rooms) in enumerate(FLOORS):
        for room in rooms:
            prefix = room.removesuffix(".*")
            names = module.split(".")
            depth = prefix.count(".") + 1
            if names[:depth] != prefix.split("."):
                continue
            if room.endswith(".*"):
                if len(names) == depth:
                    continue
                room, depth = ".".join(names[: depth + 1]), depth + 0.5
            # `training` is the file itself, not all that is inside it.
            if room in ("training", "keras_genseq") and module != room:
                continue
            if best is None or depth > best[0]:
                best = depth, level, room
    return best and best[1:]


def offences(edges):
    """Imports that go up or sideways, as `from -> to`."""
    found = []
    for module, targets in edges.items():
        level, room = floor_and_room(module)
        for target in targets - {VERSION}:
            other_level, other_room = floor_and_room(target)
            is_known = other_room in ALONE.get(room, (other_room,))
            goes_down = other_level < level and is_known
            if other_level == level:
                goes_down = other_room == room or FLOORS[level][0]
            if not goes_down:
                found.append(f"{module} -> {target}")
    return sorted(found)


def circle(edges):
    """Modules that import each other, or an empty list."""
    edges = {module: targets - {VERSION} for module, targets in edges.items()}
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_every_file_has_a_room():
    assert [m for m in SOURCES if floor_and_room(m) is None] == []
    assert len(SOURCES) > 250


def test_imports_go_down():
    assert offences(house()) == []


def test_no_imports_go_in_a_circle_lazy_or_not():
    assert circle(house()) == []


def test_offences_are_found():
    for module, source in (
        ("keras_genseq.ops.masks", "from keras_genseq.models import NADE"),
        ("keras_genseq.ops.masks", "def f():\n    import training.train"),
        ("keras_genseq.losses", "from keras_genseq.metrics import Perplexity"),
        (
            "keras_genseq.models.base.base_model",
            "from keras_genseq.models.density import density_model",
        ),
        (
            "keras_genseq.models.density.density_model",
            "from keras_genseq.models.autoregressive.nade import NADE",
        ),
        ("keras_genseq.models.base.base_model", "import keras_genseq.models"),
        ("training.data.digits", "from training import names"),
        (
            "training.evaluations.adversarial",
            "def f():\n    from training.train import train",
        ),
        ("training.recipes.nade", "from training.resolve import resolve"),
        ("training.evaluations.density", "from training.recipes import nade"),
        ("training.train", "from training.__main__ import main"),
    ):
        assert offences(graph({module: source})), (module, source)
    for module, source in (
        ("keras_genseq.ops.masks", "from keras_genseq.ops import scan"),
        (
            "keras_genseq.models.transformer.transformer",
            "from keras_genseq.models.autoencoder.vae import VAE",
        ),
        ("training.recipes.nade", "from training.evaluations import density"),
    ):
        assert not offences(graph({module: source})), (module, source)


def test_circles_are_found_behind_lazy_imports_and_names():
    lazy = "def f():\n    from training.recipes import find_recipe"
    edges = house() | graph({"training.evaluations.density": lazy})
    assert "training.recipes" in circle(edges)
    inside = "from keras_genseq.models.autoencoder import vae"
    other = "from keras_genseq.models.transformer import transformer"
    edges = graph(
        {
            "keras_genseq.models.transformer.transformer": inside,
            "keras_genseq.models.autoencoder.vae": other,
        }
    )
    assert not offences(edges) and len(circle(edges)) == 3


def test_query_needs_no_package_of_ours():
    names = {n.split(".")[0] for n in imports(SOURCES["training.query"])}
    assert not names & {"keras", "keras_genseq"}

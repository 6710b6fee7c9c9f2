import json

import keras
import pytest

from keras_genseq.models import NADE
from training.factory import Factory
from training.overrides import override
from training.overrides import phases_of
from training.recipes import PRESETS
from training.recipes import RECIPES
from training.recipes import find_recipe


@pytest.fixture
def recipe():
    return find_recipe("nade")


@pytest.mark.parametrize(
    "assignment, read, expected",
    [
        ("epochs=3", lambda r: r.schedule.epochs, 3),
        ("model.units=7", lambda r: r.model.arguments["units"], 7),
        (
            "model.activation=tanh",
            lambda r: r.model.arguments["activation"],
            "tanh",
        ),
        (
            "optimizer.momentum=0",
            lambda r: r.compile["optimizer"].arguments["momentum"],
            0.0,
        ),
        (
            "optimizer.learning_rate=0.5",
            lambda r: r.compile["optimizer"].arguments["learning_rate"],
            0.5,
        ),
        (
            "compile.optimizer.learning_rate.initial_learning_rate=2",
            lambda r: (
                r.compile["optimizer"]
                .arguments["learning_rate"]
                .arguments["initial_learning_rate"]
            ),
            2.0,
        ),
        ("jit_compile=false", lambda r: r.compile["jit_compile"], False),
        ("patience=5", lambda r: r.schedule.patience, 5),
        ("data=npz:my file.npz", lambda r: r.data.source, "npz:my file.npz"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_override_replaces_one_value(recipe, assignment, read, expected):
    before = recipe.describe()
    changed = override(recipe, assignment)
    assert read(changed) == expected
    assert type(read(changed)) is type(expected)
    assert recipe.describe() == before != changed.describe()


@pytest.mark.parametrize(
    "name, assignments, expected",
    [
        ("gan", ["model.r1_weight=0.1"], {"r1_weight": 0.1}),
        (
            "gan",
            ["model.adversarial_loss=hinge", "model.num_classes=10"],
            {"adversarial_loss": "hinge", "num_classes": 10},
        ),
        (
            "dcgan",
            ["model.discriminator_updates=3"],
            {"discriminator_updates": 3},
        ),
        (
            "vae",
            ["model.free_bits=2", "model.num_importance_samples=5"],
            {"free_bits": 2.0, "num_importance_samples": 5},
        ),
        (
            "adding_problem",
            ["model.bidirectional=true"],
            {"bidirectional": True},
        ),
        ("copy_task", ["model.dropout=0.2"], {"dropout": 0.2}),
        ("translate_dates", ["model.norm_first=true"], {"norm_first": True}),
        ("translate_wmt14", ["model.norm_first=true"], {"norm_first": True}),
        (
            "gan",
            ["model.generator_units.1=99"],
            {"generator_units": (128, 99)},
        ),
        ("gan", ["model.generator_units=(7,)"], {"generator_units": (7,)}),
    ],
)
def test_inherited_arguments_and_elements_of_tuples_can_be_set(
    name, assignments, expected
):
    recipe = find_recipe(name)
    for assignment in assignments:
        recipe = override(recipe, assignment)
    arguments = recipe.model.arguments
    for argument, value in expected.items():
        assert arguments[argument] == value
        assert type(arguments[argument]) is type(value)


def test_an_argument_of_a_transform_can_be_set(recipe):
    recipe = override(recipe, "transforms.1.level=0.25")
    assert recipe.describe()["transforms"] == [
        {"target": "flatten"},
        {"target": "threshold", "level": 0.25},
    ]


def test_a_class_without_arguments_of_its_own_has_its_parents():
    class Child(NADE):
        pass

    names = Factory(Child).parameters()
    assert names == Factory(NADE).parameters() and "input_dim" in names
    assert Factory(Child, units=2)(input_dim=5).input_dim == 5


def test_an_inherited_argument_reaches_the_model():
    recipe = override(find_recipe("gan"), "model.r1_weight=0.5")
    assert recipe.model(image_shape=(4, 4, 1)).r1_weight == 0.5


@pytest.mark.parametrize(
    "assignment, message",
    [
        ("epochs", "reads `path=value`"),
        ("epoch=3", "no `epoch` in `epoch`. Did you mean `epochs`.*: .*seed"),
        ("model.unit=3", "Did you mean `units`"),
        ("transforms.2.level=1", "There are: 0, 1"),
        ("model.width=3", "no `width` in `model.width`.*units"),
        ("epochs=many", "expects int.*'many' .str."),
        ("epochs=1.5", "expects int.*1.5 .float."),
        ("model.units=true", "expects int.*True .bool."),
        ("jit_compile=1", "expects bool"),
        ("optimizer.learning_rate=fast", "expects a number"),
        ("epochs.more=1", "reaches into a int"),
    ],
    ids=str,
)
def test_names_what_is_wrong_with_an_override(recipe, assignment, message):
    with pytest.raises(ValueError, match=message):
        override(recipe, assignment)


def test_a_factory_takes_from_the_run_what_it_was_not_given():
    schedule = Factory(
        keras.optimizers.schedules.CosineDecay, initial_learning_rate=1.0
    )
    optimizer = Factory(keras.optimizers.SGD, learning_rate=schedule)
    made = optimizer(decay_steps=70, input_dim=3)
    assert made.get_config()["learning_rate"]["config"]["decay_steps"] == 70
    model = Factory(NADE, units=2)
    assert model(input_dim=5).input_dim == 5
    fixed = Factory(NADE, units=2, input_dim=4)
    assert fixed(input_dim=5).input_dim == 4


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_describes_itself(name, preset):
    description = find_recipe(name, preset).describe()
    assert json.loads(json.dumps(description)) == description
    assert description["cost"]


def test_a_description_holds_what_differs_from_the_defaults(recipe):
    assert "passes_per_epoch" not in recipe.describe()
    changed = override(recipe, "passes_per_epoch=3")
    assert changed.describe() == {**recipe.describe(), "passes_per_epoch": 3}


def test_a_value_has_a_short_name_and_a_full_one(recipe):
    for short, full in (
        ("epochs=3", "schedule.epochs=3"),
        ("data=dates", "data.source=dates"),
        ("transforms.1.level=0.2", "data.transforms.1.level=0.2"),
        ("horizons=(1,)", "evaluation.horizons=(1,)"),
    ):
        changed = override(recipe, short)
        assert changed.describe() == override(recipe, full).describe()
        assert changed.describe() != recipe.describe()


def test_phases_are_the_recipe_with_their_overrides(recipe):
    assert phases_of(recipe) == [recipe]
    recipe = override(
        recipe, "phases=(('epochs=2',), ('model.units=7', 'data=dates'))"
    )
    first, second = phases_of(recipe)
    assert (first.schedule.epochs, first.data.source) == (2, "digits")
    assert second.schedule.epochs == recipe.schedule.epochs
    assert second.model.arguments["units"] == 7
    assert second.data.source == "dates"
    assert first.schedule.phases == second.schedule.phases == ()
    with pytest.raises(ValueError, match="Did you mean `epochs`"):
        phases_of(recipe.replace(phases=(("epoch=2",),)))


def test_streams_are_passed_once():
    with pytest.raises(ValueError, match="passes_per_epoch=2, stream_window"):
        override(find_recipe("char_lstm"), "passes_per_epoch=2")


def test_names_the_recipes_there_are():
    with pytest.raises(ValueError, match=r"no recipe 'made_up'.*nade"):
        find_recipe("made_up")
    with pytest.raises(ValueError, match=r"no preset .*: demo, paper"):
        find_recipe("nade", "large")


@pytest.mark.parametrize(
    "assignment, words",
    [
        ("steps=0", "`steps` must be an int, at least 1. Received: steps=0"),
        ("epochs=-1", "`epochs` must be an int, at least 0"),
        ("epochs=None", "`epochs` must be an int, at least 0"),
        ("global_batch_size=0", "`global_batch_size` must be an int, at least"),
        ("passes_per_epoch=0", "`passes_per_epoch` must be an int, at least 1"),
        ("steps=abc", "`steps` must be an int"),
        ("patience=2.5", "`patience` must be an int"),
        ("checkpoint_every=True", "`checkpoint_every` must be an int"),
        ("optimizer.learning_rate=-1", "at least 0: a negative rate climbs"),
        ("optimizer.learning_rate=1e999", "must be finite. Received: inf"),
        ("transforms=None", "`transforms` cannot be None"),
        ("evaluate=None", "`evaluate` cannot be None"),
        ("seed=-5", "`seed` must be an int, 0 to 4294967295"),
        ("seed=99999999999", "`seed` must be an int, 0 to 4294967295"),
        ("seed=None", "`seed` must be an int, 0 to 4294967295"),
    ],
)
def test_counts_of_a_recipe_are_ints_in_range(recipe, assignment, words):
    """Where 0 or a word would be off, or fail an hour later."""
    with pytest.raises(ValueError, match=words):
        override(recipe, assignment)


@pytest.mark.parametrize(
    "assignment", ["steps=None", "epochs=0", "monitor=None"]
)
def test_what_may_be_off_is_off(recipe, assignment):
    override(recipe, assignment)

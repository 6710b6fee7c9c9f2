import pytest

from training import resolve as resolution
from training.overrides import override
from training.recipes import PRESETS
from training.recipes import RECIPES
from training.resolve import resolve
from training.resolve import scaled_to


def number(recipe, path):
    """A value of a recipe by its path, through factories and mappings."""
    value = recipe.compile
    for name in path.split("."):
        value = getattr(value, "arguments", value)[name]
    return value


@pytest.mark.parametrize(
    "name, paths",
    [
        ("nade", ("optimizer.learning_rate.initial_learning_rate",)),
        (
            "gan",
            (
                "generator_optimizer.learning_rate",
                "discriminator_optimizer.learning_rate",
            ),
        ),
        (
            "vit",
            (
                "optimizer.learning_rate.initial_learning_rate",
                "optimizer.learning_rate.warmup_target",
            ),
        ),
    ],
)
def test_batches_and_rates_grow_with_the_replicas(name, paths):
    given = ["global_batch_size=30"]
    before = resolve(name, "demo", given)
    found = scaled_to(name, "demo", given, 4)
    assert len(found) == 1 + len(paths)
    after = before
    for assignment in found:
        after = override(after, assignment)
    assert after.schedule.global_batch_size == 120
    for path in paths:
        assert number(after, path) == pytest.approx(4 * number(before, path))


def test_batches_of_tokens_grow_too():
    found = scaled_to("translate_multi30k", "paper", [], 2)
    recipe = resolve("translate_multi30k", "paper")
    assert f"tokens_per_batch={2 * recipe.schedule.tokens_per_batch}" in found


def test_every_recipe_can_be_scaled():
    for name in RECIPES:
        for preset in PRESETS:
            size, *rates = scaled_to(name, preset, [], 2)
            assert size.startswith("global_batch_size=")
            follows_gradients = any(
                part.endswith("optimizer")
                for part in resolve(name, preset).compile
            )
            assert bool(rates) == follows_gradients, name


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_takes_the_options_of_compile(name):
    given = ["gradient_accumulation_steps=4", "jit_compile=False"]
    compiled = resolve(name, "demo", given).compile
    assert compiled["gradient_accumulation_steps"] == 4
    assert compiled["jit_compile"] is False
    with pytest.raises(ValueError, match="gradient_accumulation_steps"):
        resolve(name, "demo", ["gradient_accumulation_steps=many"])


def test_a_rate_that_nobody_named_is_asked_for(monkeypatch):
    recipe = resolve("nade").replace(compile={"optimizer": "adam"})
    monkeypatch.setattr(resolution, "resolve", lambda *_: recipe)
    with pytest.raises(ValueError, match=r"Set it: `--set optimizer\."):
        scaled_to("nade", "demo", [], 2)

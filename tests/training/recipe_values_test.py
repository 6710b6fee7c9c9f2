"""What recipes resolve to, held against what they resolved to before."""

import json
import pathlib

import pytest

from training.recipes import PRESETS
from training.recipes import RECIPES
from training.recipes import find_recipe

GOLDEN = pathlib.Path(__file__).parent / "resolved_recipes.json"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_resolves_to_the_values_it_had(name, preset):
    golden = json.loads(GOLDEN.read_text())
    found = find_recipe(name, preset).describe()
    assert found == golden[name][preset]

import pathlib

from training.data import load_dataset
from training.opening import opening
from training.resolve import resolve
from training.run_folder import RunFolder

RUN = RunFolder(pathlib.Path("runs/mine"))


def test_a_run_tells_folder_data_model_and_budget():
    recipe = resolve("nade", "demo", [])
    run, data, model, budget = opening(
        RUN, recipe, load_dataset("digits"), 12_345, 4_100
    )
    assert run == "Run     runs/mine"
    assert "1,297 / 250 / 250" in data
    assert model == "Model   NADE, 12,345 parameters"
    assert budget.startswith("Budget  4,100 updates of 32 examples; by its")
    assert recipe.cost in budget


def test_a_model_made_by_a_function_is_called_by_its_class():
    recipe = resolve("classifier", "demo", [])
    _, _, model, budget = opening(
        RUN, recipe, load_dataset("digits"), 7, 1, "ImageClassifier"
    )
    assert model == "Model   ImageClassifier, 7 parameters"
    assert budget.startswith("Budget  1 update of ")


def test_the_cost_of_a_recipe_is_not_that_of_other_data():
    recipe = resolve("nade", "demo", ["data=npz:mine.npz"])
    *_, budget = opening(RUN, recipe, load_dataset("digits"), 1, 20)
    assert recipe.cost and recipe.cost not in budget

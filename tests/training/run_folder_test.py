import pytest

from training.recipes import find_recipe
from training.run_folder import RunFolder


def config_of(name="nade"):
    return {"recipe": name, "recipe_values": find_recipe(name).describe()}


def test_a_run_from_before_modules_moved_goes_on(tmp_path):
    config = config_of()
    values = config["recipe_values"]
    old = {
        **values,
        "model": {
            **values["model"],
            "target": "keras_genseq.models.somewhere.nade.NADE",
        },
        "evaluate": "training.elsewhere.evaluate_density",
    }
    assert values["model"]["target"] == "NADE"
    run = RunFolder(tmp_path)
    run.write_config({**config, "recipe_values": old})
    run.write_config(config)
    assert run.read_config()["recipe_values"] == old


def test_another_class_of_the_same_numbers_is_refused(tmp_path):
    config = config_of()
    run = RunFolder(tmp_path)
    run.write_config(config)
    config["recipe_values"]["model"]["target"] = "MADE"
    with pytest.raises(ValueError, match="recipe_values differ"):
        run.write_config(config)

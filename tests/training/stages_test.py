import pathlib

from training.resolve import resolve
from training.run_folder import RunFolder
from training.stages import stages_of
from training.stages import with_stages


def test_a_stage_learns_the_same_data_and_tells_where_it_is():
    recipe = resolve("dalle", "demo", ["data=images:somewhere"])
    (stage, config) = stages_of(recipe)["discrete_vae"]
    assert config["recipe"] == "discrete_vae"
    assert stage.data.source == "images:somewhere"
    assert stage.model.arguments["num_tokens"] == 256
    (ranker, _) = stages_of(recipe)["ranker"]
    assert ranker.data.source == "images:somewhere"
    run = RunFolder(pathlib.Path("run"))
    made = with_stages(recipe, run)
    path = str(pathlib.Path("run") / "discrete_vae" / "model.keras")
    assert made.model.arguments["discrete_vae"] == path
    path = str(pathlib.Path("run") / "contrastive_ranker" / "model.keras")
    assert made.model.arguments["ranker"] == path


def test_a_model_that_is_given_is_no_stage():
    given = ["model.discrete_vae=other"]
    assert list(stages_of(resolve("dalle", "demo", given))) == ["ranker"]
    recipe = resolve("dalle", "demo", [*given, "model.ranker=third"])
    assert stages_of(recipe) == {}
    run = RunFolder(pathlib.Path("run"))
    made = with_stages(recipe, run)
    assert made.model.arguments["discrete_vae"] == "other"
    assert made.model.arguments["ranker"] == "third"


def test_a_stage_may_be_what_training_starts_from():
    recipe = resolve("text2image", "demo", [])
    assert list(stages_of(recipe)) == ["init_from"]
    made = with_stages(recipe, RunFolder(pathlib.Path("run")))
    path = pathlib.Path("run") / "text_encoder" / "model.keras"
    assert made.init_from == str(path)
    assert stages_of(recipe.replace(init_from="other")) == {}

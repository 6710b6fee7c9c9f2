import types

import pytest

from training import sample as sampling


def run_of(model, monkeypatch, tmp_path):
    run = types.SimpleNamespace(path=tmp_path)
    evaluation = types.SimpleNamespace(model=model, run=run)
    monkeypatch.setattr(
        sampling, "load_run", lambda path, needs_data: evaluation
    )


@pytest.mark.parametrize(
    "attributes, words",
    [
        ({"tokenizer": "a", "translate": print}, "one that translates takes"),
        ({"image_shape": (4, 4, 1)}, "draws images of captions: give one"),
    ],
)
def test_what_a_model_needs_to_generate_is_said(
    attributes, words, monkeypatch, tmp_path
):
    model = types.SimpleNamespace(generate=print, **attributes)
    run_of(model, monkeypatch, tmp_path)
    with pytest.raises(ValueError, match=words):
        sampling.sample(tmp_path)

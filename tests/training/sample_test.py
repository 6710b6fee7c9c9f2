import types

import pytest

from training import sample as sampling


def run_of(model, monkeypatch, tmp_path):
    run = types.SimpleNamespace(path=tmp_path)
    evaluation = types.SimpleNamespace(model=model, run=run)
    monkeypatch.setattr(
        sampling, "load_run", lambda path, needs_data: evaluation
    )


@pytest.mark.parametrize("num_samples", [0, -3])
def test_no_samples_are_refused(num_samples, monkeypatch, tmp_path):
    """They are not as many as there are by default."""
    run_of(None, monkeypatch, tmp_path)
    with pytest.raises(ValueError, match=f"num_samples={num_samples}"):
        sampling.sample(tmp_path, num_samples)


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

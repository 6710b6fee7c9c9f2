"""The recipes of translation: what they feed, what they leave."""

import json

import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_genseq.tokenizers import ByteTokenizer
from training.__main__ import main
from training.data import bucket_batches
from training.data import load_dataset
from training.data import model_examples
from training.evaluation import load_run
from training.evaluations.translation import answers_of
from training.overrides import override
from training.recipes import find_recipe
from training.resolve import build_model
from training.resolve import transformed

pytest.importorskip("tensorflow_text", reason="needs the extra `text`")


class ToyWmt(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """As `wmt14_translate/de-en` looks, without its 4.5 million pairs."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        languages = ("de", "en")
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.Translation(languages=languages),
            supervised_keys=languages,
        )

    def _split_generators(self, dl_manager):
        sizes = {"train": 200, "validation": 3, "test": 4}
        return {
            name: self._generate_examples(size) for name, size in sizes.items()
        }

    def _generate_examples(self, size):
        for i in range(size):
            more = " und noch einer" * (i % 40)
            if i == 7:
                more = " ".join(str(7919 * j) for j in range(100))
            yield i, {"de": f"Turm {i}{more}", "en": f"tower {i}"}


@pytest.fixture
def wmt14(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(
        "training.data.tfds_preparation._find_builder",
        lambda name: ToyWmt(data_dir=tmp_path),
    )
    recipe = find_recipe("translate_wmt14", "paper")
    recipe = override(recipe, "tokenizer.vocabulary_size=300")
    recipe = override(recipe, "tokenizer.max_examples=100")
    return override(recipe, "tokens_per_batch=512")


def test_wmt14_builds_its_first_batches_from_english_to_german(wmt14):
    dataset = transformed(wmt14, load_dataset(wmt14.data.source))
    pairs = model_examples(dataset.splits["train"])
    x, y = next(iter(bucket_batches(pairs, tokens=512, seed=0)))
    # Sources are short; a target and its end fill a multiple of eight.
    width = y.shape[1] + 1
    assert len(x) == len(y) == 512 // width
    assert width % 8 == 0 and width <= 128 and x.shape[1] < 10
    decode = dataset.tokenizer.decode
    assert decode(x)[0].numpy().startswith(b"tower ")
    assert decode(y)[0].numpy().startswith(b"Turm ")
    # What is too long to be learnt is still there to be judged.
    assert dataset.size("train") == 199 and dataset.size("test") == 4
    assert dataset.tokenizer.vocabulary_size == 300


@pytest.mark.slow
def test_wmt14_trains_the_papers_base_model(wmt14):
    recipe = find_recipe("translate_wmt14", "paper")
    described = recipe.describe()
    assert described["tokenizer"]["vocabulary_size"] + 1 == 37_000
    assert described["steps"] == 100_000
    dataset = transformed(wmt14, load_dataset(wmt14.data.source))
    for assignment in ("model.hidden_dim=16", "model.num_layers=1"):
        wmt14 = override(wmt14, assignment)
    model = build_model(wmt14, dataset)
    assert model.vocabulary_size == 301 and model.tokenizer.model
    assert not model.norm_first and model.label_smoothing == 0.1
    rates = [float(model.optimizer.learning_rate)]
    assert np.isfinite(rates).all()


@pytest.mark.slow
def test_a_translator_of_subwords_goes_from_pairs_to_a_report(tmp_path):
    sacrebleu = pytest.importorskip("sacrebleu")
    lines = [f"Turm Nummer {i}\ttower number {i}" for i in range(300)]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines))
    run = tmp_path / "run"
    command = ["train", "translate_multi30k", "--run-dir", str(run)]
    command += ["--data", f"pairs:{tmp_path / 'pairs.tsv'}", "--epochs", "2"]
    command += ["--strategy", "one_device", "--set", "model.hidden_dim=16"]
    command += ["tokenizer.vocabulary_size=290", "tokens_per_batch=128"]
    assert main(command) == 0
    results = json.loads((run / "results.json").read_text())
    evaluation = load_run(run)
    x, y = next(
        iter(model_examples(evaluation.dataset.splits["test"]).batch(99))
    )
    answers, references = (
        [t.decode() for t in evaluation.model.tokenizer.decode(ids).numpy()]
        for ids in (
            evaluation.model.translate(x, y.shape[1] + 4, beam_width=4),
            y,
        )
    )
    score = sacrebleu.corpus_bleu(answers, [references], lowercase=True).score
    assert results["bleu_lowercase_beam_4"] == pytest.approx(score)
    report = (run / "report.md").read_text()
    assert "nrefs:1|case:lc" in report and "| Turm Nummer" in report
    before = (run / "metrics.csv").read_text()
    assert main(command) == 0
    assert (run / "metrics.csv").read_text() == before


@pytest.mark.parametrize("positions, most", [(512, 53), (32, 32)])
def test_answers_are_at_most_50_tokens_longer(positions, most):
    class Endless:
        max_sequence_length = positions
        tokenizer = ByteTokenizer()

        def translate(self, x, max_new_tokens, beam_width):
            return np.full((len(x), max_new_tokens), ord("a") + 1, "int32")

    x = np.ones((2, 3), "int32")
    assert answers_of(Endless(), x, beam_width=1) == ["a" * most] * 2

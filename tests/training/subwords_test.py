import pytest

from keras_genseq.tokenizers import SentencePieceTokenizer
from training.__main__ import main
from training.data import load_dataset
from training.subwords import subword_tokenizer

pytest.importorskip("tensorflow_text", reason="needs the extra `text`")
pytest.importorskip("sentencepiece")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    lines = [f"der neue Turm {i}\tthe new tower {i}" for i in range(50)]
    path.write_text("\n".join(lines))
    return f"pairs:{path}"


def test_the_command_writes_a_tokenizer_that_a_recipe_takes(
    source, tmp_path, capsys
):
    path = tmp_path / "towers.model"
    command = ["tokenizer", source, "--output", str(path)]
    command += ["--vocabulary-size", "300", "--kind", "bpe"]
    assert main(command) == 0
    assert "300 ids (bpe)" in capsys.readouterr().out
    tokenizer = SentencePieceTokenizer.from_file(path)
    taken = subword_tokenizer(load_dataset(source), 999, file=path)
    assert taken.model == tokenizer.model
    # Both sides of the pairs have pieces of their own.
    assert {b" Turm", b" tower"} <= set(tokenizer.pieces)


def test_errors(source, tmp_path, capsys):
    with pytest.raises(ValueError, match="kind 'text' or 'pairs'"):
        subword_tokenizer(load_dataset("digits"), 400)
    output = ["--output", str(tmp_path / "x"), "--vocabulary-size", "200"]
    assert main(["tokenizer", source, *output]) == 2
    assert "cannot choose 200 ids" in capsys.readouterr().err


def test_one_long_line_makes_a_tokenizer(tmp_path):
    path, output = tmp_path / "oneline.txt", tmp_path / "x.model"
    path.write_text("zebra giraffe quokka " * 400)
    command = ["tokenizer", f"text:{path}", "--output", str(output)]
    with pytest.warns(UserWarning):
        assert main([*command, "--vocabulary-size", "300"]) == 0
    assert output.exists()

"""What a caller gives becomes one value per row, or a sentence."""

import numpy as np
import pytest

from keras_genseq.serving.request import as_strings
from keras_genseq.serving.request import complete

SPECS = {
    "prompt": ("object", (None,)),
    "seed": ("int32", (None,)),
    "temperature": ("float32", (None,)),
}
NOTES = {"temperature": {"default": 1.0}}


def test_one_value_counts_for_all_rows():
    inputs = {"prompt": ["a", "b"], "seed": 3, "temperature": 0.5}
    arrays = complete(inputs, SPECS, {})
    assert arrays["seed"].tolist() == [3, 3]
    assert arrays["temperature"].tolist() == [0.5, 0.5]
    assert arrays["temperature"].dtype == "float32"
    assert complete({**inputs, "prompt": "a"}, SPECS, {})["seed"].shape == (1,)


def test_defaults_come_from_the_card_and_seeds_are_drawn():
    drawn = [complete({"prompt": ["a"] * 3}, SPECS, NOTES) for _ in range(2)]
    assert drawn[0]["temperature"].tolist() == [1.0] * 3
    assert drawn[0]["seed"].dtype == "int32"
    assert len({*drawn[0]["seed"], *drawn[1]["seed"]}) == 6
    specs = {"seed": SPECS["seed"]}
    assert complete({}, specs, {})["seed"].shape == (1,)
    assert complete({}, specs, {}, num_rows=4)["seed"].shape == (4,)


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({"text": "a"}, r"Unknown inputs: \['text'\]. .*prompt \(string"),
        ({"prompt": "a"}, r"Missing inputs: \['temperature'\].*`cards=`"),
        ({"prompt": [1]}, "'prompt' must hold strings"),
        ({"prompt": [["a"], ["b", "c"]]}, "'prompt' must hold strings"),
        ({"seed": [1.5]}, "'seed' must have dtype int32.*float64"),
        ({"seed": [2**40]}, "a number is out of int32"),
        ({"temperature": ["a"]}, "must have dtype float32"),
        ({"temperature": [[1.0], [1.0, 2.0]]}, "rows of several lengths"),
    ],
)
def test_teaches(inputs, message):
    with pytest.raises(ValueError, match=message):
        complete(inputs, SPECS, {})


def test_strings_keep_what_is_no_text():
    array = np.array([[b"a\0", "é".encode()], [b"\xff", b""]], object)
    assert as_strings(array).tolist() == [["a\0", "é"], [b"\xff", ""]]
    arrays = complete(
        {"prompt": [b"\xff", "a\0"]}, {"prompt": SPECS["prompt"]}, {}
    )
    assert arrays["prompt"].tolist() == [b"\xff", "a\0"]

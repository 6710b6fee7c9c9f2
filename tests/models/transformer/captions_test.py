import numpy as np

from keras_genseq.models.transformer.captions import drawn_captions


def test_one_of_several_captions_is_drawn():
    captions = np.zeros((300, 3, 2), "int32")
    captions[:, 0, 0], captions[:, 1, 0] = 1, 2
    drawn = drawn_captions(captions, np.arange(300, dtype="int32")).numpy()
    counts = np.bincount(drawn[:, 0], minlength=3)
    assert counts[0] == 0 and counts[1:].min() > 110
    assert (drawn_captions(captions)[:, 0] == 1).all()

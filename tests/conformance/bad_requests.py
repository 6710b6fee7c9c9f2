"""Requests that signatures must refuse, and words of their errors."""

import numpy as np


def sequence_requests(bad_x):
    """Requests that every signature over sequences must refuse.

    Args:
        bad_x: list of `(x, words of the error)`; each x has one row.
    """
    dtype = bad_x[0][0].dtype
    x = [
        ({"x": x, "mask": np.ones(x.shape[:2], bool)}, words)
        for x, words in bad_x
    ]
    for rows, words in ((0, "no rows"), (1, "without steps")):
        steps = 3 if rows == 0 else 0
        empty = np.zeros((rows, steps, *bad_x[0][0].shape[2:]), dtype)
        x.append(({"x": empty, "mask": np.ones((rows, steps), bool)}, words))
    requests = vector_requests(2)
    length = np.array([0], "int32")
    return {
        "score": x,
        "sample": [
            *requests["sample"][:3],
            ({"length": length}, "at least 1"),
            (
                {
                    "seed": np.zeros((0,), "int32"),
                    "temperature": np.ones((0,), "float32"),
                    "length": length[:0],
                },
                "no rows",
            ),
        ],
        "complete": [
            *x,
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
            ({"mask": np.ones((2, 3), bool)}, "shape"),
        ],
    }


def series_requests(channels, least_history):
    """Requests that a model of series must refuse."""
    nan = np.zeros((1, 4, channels), "float32")
    nan[0, 1, 0] = np.nan
    requests = sequence_requests([(nan, "NaN or infinity")])
    empty = np.zeros((0, least_history, channels), "float32")
    short = np.zeros((1, least_history - 1, channels), "float32")
    too_few = f"at least {least_history} steps" if short.size else "without"
    horizon = np.zeros((1,), "int32")
    return {
        **requests,
        "encode": requests["score"],
        "forecast": [
            ({"history": nan}, "NaN or infinity"),
            ({"history": short}, too_few),
            ({"history": empty}, "no rows"),
            ({"horizon": horizon}, "at least 1"),
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
        ],
    }


def vector_requests(input_dim):
    """Requests that every signature over vectors must refuse."""
    spoiled = np.zeros((1, input_dim), "float32")
    nan, fraction = spoiled.copy(), spoiled.copy()
    nan[0, 0], fraction[0, 1] = np.nan, 0.5
    shown = np.ones((1, input_dim), bool)
    x = [
        ({"x": nan, "mask": shown}, "no NaN"),
        ({"x": fraction, "mask": shown}, "must hold only"),
        (
            {"x": np.zeros((0, input_dim), "float32"), "mask": shown[:0]},
            "no rows",
        ),
    ]
    seeds = np.zeros((1,), "int32")
    return {
        "score": x,
        "encode": x,
        "complete": [
            *x,
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
            ({"mask": np.ones((2, input_dim), bool)}, "shape"),
        ],
        "sample": [
            (
                {"seed": seeds, "temperature": np.array([-1.0], "float32")},
                "at least 0",
            ),
            (
                {"seed": seeds, "temperature": np.array([np.nan], "float32")},
                "no NaN",
            ),
            (
                {"seed": seeds, "temperature": np.ones((2,), "float32")},
                "one value per row",
            ),
            (
                {"seed": seeds[:0], "temperature": np.ones((0,), "float32")},
                "no rows",
            ),
        ],
    }


def real_vector_requests(input_dim):
    """Requests that a model of real-valued vectors must refuse."""
    requests = vector_requests(input_dim)
    _, _, no_rows = requests["complete"][:3]
    bad = np.zeros((1, input_dim), "float32")
    bad[0, 0] = np.inf
    shown = np.ones((1, input_dim), bool)
    x = [({"x": bad, "mask": shown}, "NaN or infinity"), no_rows]
    return {
        **requests,
        "score": x,
        "complete": [*x, *requests["complete"][3:]],
    }


def level_requests(image_shape, num_levels):
    """Requests that every signature over images of levels must refuse."""
    shown = np.ones((1, *image_shape), bool)
    images = image_requests(image_shape, 1)["score"]
    images.append(
        (
            {"x": np.full((1, *image_shape), 0.3, "float32")},
            "must hold only 0 and 1"
            if num_levels == 2
            else f"multiples of 1 / {num_levels - 1}",
        )
    )
    x = [({**i, "mask": shown[: len(i["x"])]}, words) for i, words in images]
    requests = vector_requests(2)
    return {
        "score": x,
        "sample": requests["sample"],
        "complete": [
            *x,
            ({"seed": np.zeros((2,), "int32")}, "one value per row"),
            ({"mask": np.ones((2, *image_shape), bool)}, "shape"),
        ],
    }


def token_requests(vocabulary_size):
    """Requests that a reader of tokens must refuse."""
    good = np.ones((1, 4), "int32")
    bad = [
        (good * vocabulary_size, f"from 0 (padding) to {vocabulary_size - 1}"),
        (-good, "from 0 (padding)"),
        (0 * good, "nothing but padding"),
        (good[:0], "no rows"),
        (good[:, :0], "without steps"),
    ]
    requests = [({"x": x}, words) for x, words in bad]
    return {"classify": requests, "encode": requests}


def past_requests(padding_value, horizon):
    """Requests that a forecaster of two channels must refuse."""
    good = np.zeros((1, 4, 2), "float32")
    bad = [
        (good + np.nan, "NaN or infinity"),
        (good + padding_value, "nothing but padding"),
        (good[:0], "no rows"),
        (good[:, :0], "without steps"),
    ]
    future = np.zeros((1, horizon, 1), "float32")
    return {
        "encode": [({"x": x}, words) for x, words in bad],
        "forecast": [({"history": x}, words) for x, words in bad],
        "score": [
            *[({"x": x}, words) for x, words in bad],
            ({"y": future + np.nan}, "`y` must be finite"),
            ({"x": np.concatenate([good, good])}, "a row for each"),
        ],
    }


def language_requests():
    """Requests that a language model of the letters a, b, c must refuse."""
    bad_ids = np.array([[1, 4, 2]], "int32")
    requests = sequence_requests([(bad_ids, "token ids from 1 to 3")])

    def text(name):
        return [
            ({name: np.array([b"abx"], object)}, "does not know"),
            ({name: np.array([b"a\xff"], object)}, "must be UTF-8"),
            ({name: np.array([], object)}, "no rows"),
        ]

    def generate(words, **inputs):
        return {k: np.array(v) for k, v in inputs.items()}, words

    return {
        **requests,
        "score": text("text"),
        "encode": text("text"),
        "generate": [
            *text("prompt"),
            generate("at least 0", temperature=np.float32([-1.0])),
            generate("no NaN", temperature=np.float32([np.nan])),
            generate("at least 0", top_k=np.int32([-1])),
            generate("at most 1048576", top_k=np.int32([2**31 - 1])),
            generate("at most 1.0", top_p=np.float32([1.5])),
            generate("at least 1", max_new_tokens=np.int32([0])),
            generate("at most 65536", max_new_tokens=np.int32([2**31 - 1])),
            generate("one value per row", seed=np.int32([1, 2])),
        ],
    }


def too_long_requests(requests, max_sequence_length):
    """More requests to refuse: of texts that the model has no room for."""
    size = max_sequence_length + 1
    x = np.ones((1, size), "int32")
    text = np.array([b"a" * size], object)
    length = np.array([size], "int32")
    words = f"This model has {max_sequence_length} positions"
    long = {
        "score": {"text": text},
        "encode": {"text": text},
        "generate": {"prompt": text},
        "sample": {"length": length},
        "complete": {"x": x, "mask": np.ones(x.shape, bool)},
    }
    sentences = {"sample": f"`length` must be at most {max_sequence_length}"}
    return {k: [*requests[k], (long[k], sentences.get(k, words))] for k in long}


def image_requests(image_shape, latent_dim):
    """Requests that every signature over images must refuse."""
    z = np.full((1, latent_dim), np.nan, "float32")
    return requests_of_codes(image_shape, z, "NaN or infinity")


def requests_of_codes(image_shape, bad_z, words):
    spoiled = np.full((1, *image_shape), 0.5, "float32")
    nan, bright = spoiled.copy(), spoiled.copy()
    nan[0, 0, 0, 0], bright[0, 0, 0, 0] = np.nan, 1.5
    x = [
        ({"x": nan}, "no NaN"),
        ({"x": bright}, "values in [0, 1]"),
        ({"x": spoiled[:0]}, "no rows"),
    ]
    return {
        "score": x,
        "encode": x,
        "reconstruct": x,
        "decode": [({"z": bad_z}, words), ({"z": bad_z[:0]}, "no rows")],
        "sample": vector_requests(2)["sample"],
    }


def game_requests(image_shape):
    """Requests that generators and discriminators of images must refuse."""
    requests = image_requests(image_shape, 1)
    return {"sample": requests["sample"], "discriminate": requests["score"]}


def domain_requests():
    """Requests that a translator of two domains of grey images must refuse."""
    x = image_requests((8, 8, 1), 1)["encode"]
    domain = [
        (np.int32([2]), "at most 1"),
        (np.int32([-1]), "at least 0"),
        (np.int32([0, 1]), "one value per row"),
    ]
    grey = np.zeros((1, 8, 10, 1), "float32")
    translate = [
        *x,
        ({"x": grey}, "multiples of 4"),
        ({"x": grey[:, :4, :8]}, "from 8 on"),
        *[({"target_domain": value}, words) for value, words in domain],
    ]
    return {
        "translate": translate,
        "reconstruct": translate,
        "discriminate": [
            *x,
            ({"x": grey[:, :5]}, "from 6 on"),
            *[({"domain": value}, words) for value, words in domain],
        ],
    }


def attribute_requests(image_shape):
    """Requests that a translator of grey images by two attributes must
    refuse."""
    x = image_requests(image_shape, 1)["encode"]
    grey = np.zeros((1, 8, 10, 1), "float32")
    labels = np.ones((1, 2), "float32")
    return {
        "discriminate": x,
        "classify": x,
        "translate": [
            *x,
            ({"x": grey}, "multiples of 4"),
            ({"x": grey[:, :4, :8]}, "from 8 on"),
            ({"target_domain": 2.0 * labels}, "labels from 0 to 1"),
            ({"target_domain": -labels}, "give (y + 1) / 2"),
            ({"target_domain": np.nan * labels}, "no NaN"),
            ({"target_domain": labels.repeat(2, axis=0)}, "a row for each"),
        ],
    }


def part_requests(image_shape, max_parts):
    """Requests that an assembler of up to so many parts must refuse."""
    x = image_requests(image_shape, 1)["encode"]
    patches = np.zeros((1, max_parts + 1, *image_shape), "float32")
    validity = np.ones((1, max_parts + 1), bool)
    all_parts = {"patches": patches, "validity": validity}
    fewer = {name: value[:, 1:] for name, value in all_parts.items()}
    return {
        "detect_parts": x,
        "discriminate": x,
        "assemble": [
            (all_parts, f"at most {max_parts} parts"),
            ({"patches": fewer["patches"] + 2.0}, "values in [0, 1]"),
            ({"patches": fewer["patches"] * np.nan}, "no NaN"),
            ({"patches": patches[:, :0]}, "no rows"),
            ({**fewer, "patches": patches[:, :1]}, "for each of the `patches`"),
            (
                {**fewer, "validity": ~fewer["validity"]},
                "at least one part of each image",
            ),
            ({"seed": np.int32([1, 2])}, "one value per row"),
        ],
    }


def caption_requests(image_shape):
    """Requests that a model of captions and images must refuse."""
    requests = image_requests(image_shape, 1)
    bad = [np.array([b"a\xff"], object), np.array([b"a", b"b"], object)]
    captions = [
        ({"caption": bad[0]}, "must be UTF-8"),
        ({"caption": bad[1]}, "row"),
    ]
    none = {"caption": bad[1][:0]}
    judged = [*requests["score"], *captions]
    return {
        "generate": [
            captions[0],
            (none, "no rows"),
            ({"seed": np.int32([1, 2])}, "one value per row"),
            ({"temperature": np.float32([-1.0])}, "at least 0"),
        ],
        "discriminate": judged,
        "encode": requests["encode"],
        "transfer_style": judged,
    }


BAD_IDS = [
    (np.array([[0, 3, 1]], "int32"), "ids from 0 to 2"),
    (np.array([[0, -2, 1]], "int32"), "ids from 0 to 2"),
]


def translation_requests():
    """Requests that a translator of the letters a, b, c must refuse."""
    bad = [
        (np.array([b"abx"], object), "does not know"),
        (np.array([b"a\xff"], object), "must be UTF-8"),
        (np.array([], object), "no rows"),
        (np.array([b"a" * 21], object), "This model has 20 positions"),
    ]
    x = [({"text": text}, words) for text, words in bad]
    two = np.array([b"a", b"b"], object)
    return {
        "score": [*x, ({"target": two}, "one value per row")],
        "translate": [
            *x,
            ({"max_new_tokens": np.int32([0])}, "at least 1"),
            ({"max_new_tokens": np.int32([21])}, "at most 20"),
            ({"length_penalty": np.float32([-1.0])}, "at least 0"),
        ],
    }


def letter_requests(text_length):
    """Captions that a model of captions of a, b, c must refuse."""
    return [
        ({"caption": np.array([text], object)}, words)
        for text, words in (
            (b"abx", "does not know"),
            (b"a\xff", "must be UTF-8"),
            (b"a" * (text_length + 1), f"at most {text_length} tokens a row"),
        )
    ]


def ranker_requests(image_shape, text_length):
    """Requests that a ranker of images by captions of a, b, c must refuse."""
    x, captions = (
        image_requests(image_shape, 1)["encode"],
        letter_requests(text_length),
    )
    two = np.array([b"a", b"b"], object)
    return {
        "encode": x,
        "encode_captions": captions,
        "score": [*x, *captions, ({"caption": two}, "one value per row")],
    }


def captioned_image_requests(image_shape, text_length, num_rows):
    """Requests that a model of images of captions of a, b, c must refuse."""
    captions = letter_requests(text_length)
    knobs = [
        ({"temperature": np.float32([-1.0])}, "at least 0"),
        ({"top_p": np.float32([1.5])}, "at most 1"),
        ({"guidance": np.float32([-1.0])}, "at least 0"),
        ({"seed": np.int32([1, 2])}, "one value per row"),
    ]
    x = image_requests(image_shape, 1)["score"]
    return {
        "generate": [
            *captions,
            *knobs,
            ({"best_of": np.int32([0])}, "at least 1"),
            ({"best_of": np.int32([513])}, "at most 512"),
        ],
        "score": [*x, *captions],
        "complete": [
            *x,
            *captions,
            *knobs,
            ({"kept_rows": np.int32([num_rows + 1])}, f"at most {num_rows}"),
        ],
    }

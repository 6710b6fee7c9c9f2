"""Dates as people write them in many languages, and in ISO 8601."""

import datetime

import numpy as np
import tensorflow as tf

from training.data.dataset import Dataset
from training.data.splits import shuffled_split

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "fi", "tr")
# The short style is left out: 03/04/05 tells neither day nor month.
STYLES = ("full", "long", "medium")
_FIRST, _LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
_SEED = 0


def load_dates():
    """Loads pairs of a written date and its ISO form; needs no network.

    Every day of a hundred years comes once, in a language and a style drawn at
    random, as the Unicode CLDR writes it: `Donnerstag, 5. Mai 2016` and
    `2016-05-05`.

    Returns:
        `Dataset` of kind `"pairs"`; no day is in two splits.
    """
    import babel
    from babel.dates import format_date

    num_days = (_LAST - _FIRST).days + 1
    days = [_FIRST + datetime.timedelta(days=i) for i in range(num_days)]
    # RandomState promises the same stream in every release.
    rng = np.random.RandomState(_SEED)
    languages = rng.randint(len(LANGUAGES), size=num_days)
    styles = rng.randint(len(STYLES), size=num_days)
    written = [
        format_date(day, STYLES[style], locale=LANGUAGES[language])
        for day, language, style in zip(days, languages, styles, strict=True)
    ]
    splits = {
        name: tf.data.Dataset.from_tensor_slices(
            {
                "source": [written[row] for row in rows],
                "target": [days[row].isoformat() for row in rows],
            }
        )
        for name, rows in shuffled_split(num_days, held_out=0.05).items()
    }
    sizes = " / ".join(str(int(s.cardinality())) for s in splits.values())
    return Dataset(
        name="dates",
        kind="pairs",
        splits=splits,
        num_classes=None,
        element_shape=None,
        description=(
            f"{sizes} days from {_FIRST} to {_LAST}, written in "
            f"{len(LANGUAGES)} languages by Babel {babel.__version__}."
        ),
    )

"""Refuses to time candidates that do not do the same work."""

import numpy as np


def check_equal(results, tolerance=1e-3):
    """Checks that all candidates computed the same numbers.

    Args:
        results: dict of name to list of results (floats or arrays), as
            `measure` hands to its `check`; the first name is the reference.
        tolerance: float. Largest relative difference.

    Raises:
        RuntimeError: if a candidate differs, or one has no finite numbers.
    """
    reference, *others = results
    expected = [np.asarray(r, "float64") for r in results[reference]]
    if not all(np.isfinite(r).all() for r in expected):
        raise RuntimeError(f"{reference!r} computed no finite numbers.")
    for name in others:
        for call, (ours, theirs) in enumerate(
            zip(expected, results[name], strict=False)
        ):
            theirs = np.asarray(theirs, "float64")
            if not np.allclose(theirs, ours, rtol=tolerance, atol=0.0):
                raise RuntimeError(
                    f"{name!r} does other work than {reference!r}: call "
                    f"{call + 1} gave {theirs.ravel()[:3]}, not "
                    f"{ours.ravel()[:3]}. Nothing was timed."
                )


def check_same_samples(results, share=0.99):
    """Checks that all candidates drew the same samples from the same noise.

    A probability within rounding of its noise flips a pixel, and with it may
    flip later ones of that sample: a few may differ.

    Args:
        results: dict of name to list of arrays; the first name is the
            reference.
        share: float. Smallest share of equal pixels.

    Raises:
        RuntimeError: if the samples of a candidate differ.
    """
    reference, *others = results
    expected = np.asarray(results[reference][0])
    for name in others:
        equal = np.mean(np.asarray(results[name][0]) == expected)
        if equal < share:
            raise RuntimeError(
                f"{name!r} does other work than {reference!r}: from the same "
                f"noise it drew {equal:.1%} of the pixels alike, not at least "
                f"{share:.0%}. Nothing was timed."
            )

"""CycleGAN between digits of two kinds: are they still the same digits?

Run       python -m training train cyclegan_digits
          python -m training train cyclegan_digits --preset paper
Paper     no figure on these data (Zhu et al., 2017)
Measured  the demo is that of `cyclegan`; the paper preset not yet
"""

from training.recipes import cyclegan


def demo():
    """The demo of `cyclegan`: scikit-learn's digits in two styles."""
    return cyclegan.demo()


def paper():
    """MNIST to USPS and back, at the 16x16 of USPS.

    The paper has no digits; the networks are those of the demo.
    """
    return cyclegan.small_digits(
        data="domains:mnist,usps?size=16",
        epochs=2,
        cost="some half an hour on one CPU core, by an estimate",
    )

"""CycleGAN between digits of two kinds: are they still the same digits?

Run       python -m training train cyclegan_digits
          python -m training train cyclegan_digits --preset paper
Paper     no figure on these data (Zhu et al., 2017)
Measured  the demo is that of `cyclegan`; a frozen classifier knows 76.1 % of
          MNIST's digits made USPS's (71.6 % as they were), and 75.3 % the
          other way (77.2 %); 18 minutes on two CPU cores beside other work
          (seed 0)
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
        cost="18 minutes on two CPU cores, shared",
    )

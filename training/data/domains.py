"""Two sets of images that are not paired."""


def load_domains(location, size=None):
    raise NotImplementedError

"""Images with captions."""


def load_captioned_images(folder, size=None):
    raise NotImplementedError

"""Lists of sublayers that checkpoints of TensorFlow hold."""

import keras


class CheckpointedLists:
    """A layer whose sublayers in lists are parts of its checkpoints, too.

    For a class before `keras.layers.Layer` in the order of resolution: Keras
    shows TensorFlow the sublayers that are attributes, and no others.
    """

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        children = super()._trackable_children(save_type, **kwargs)
        if save_type != "checkpoint":
            return children
        listed = {
            f"{name}_{i}": layer
            for name, layers in vars(self).items()
            if isinstance(layers, list) and not name.startswith("_")
            for i, layer in enumerate(layers)
            if isinstance(layer, keras.layers.Layer)
        }
        return {**children, **listed}

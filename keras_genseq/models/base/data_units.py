"""Series in the units of their data, and without, as networks see them."""

import numpy as np


class DataUnits:
    """A linear map between values of the data and standardized values.

    Args:
        data_mean: optional float, or one per channel. Center of the data.
        data_scale: optional positive float, or one per channel. Their standard
            deviation. Without both, values stay as they are.
        channels: optional int. Values of a step.

    Raises:
        ValueError: if only one of the two is given, or a number is not finite,
            or a scale not positive.
    """

    def __init__(self, data_mean, data_scale, channels):
        if (data_mean is None) != (data_scale is None):
            raise ValueError(
                "`data_mean` and `data_scale` belong together. Received: "
                f"data_mean={data_mean}, data_scale={data_scale}"
            )
        self.are_known = data_scale is not None
        self.mean = _per_channel(data_mean, 0.0, channels, "data_mean")
        self.scale = _per_channel(data_scale, 1.0, channels, "data_scale")
        if not (self.scale > 0.0).all():
            raise ValueError(
                f"`data_scale` must be positive. Received: {data_scale}"
            )

    def get_config(self):
        """The two arguments, as JSON has them."""
        values = {"data_mean": self.mean, "data_scale": self.scale}
        return {
            name: value.astype("float64").tolist() if self.are_known else None
            for name, value in values.items()
        }

    def standardized(self, x):
        """Values without units, of values whose last axis is the channels."""
        return (x - self.mean) / self.scale if self.are_known else x

    def in_units(self, x):
        """Undoes `standardized`."""
        return x * self.scale + self.mean if self.are_known else x

    def log_scale_in_units(self, log_scale):
        """Logs of standard deviations, in units."""
        return log_scale + np.log(self.scale) if self.are_known else log_scale


def _per_channel(value, default, channels, name):
    """A float32 array: one number, or one for each channel."""
    array = np.asarray(default if value is None else value, "float32")
    shapes = ((), (channels,)) if channels else ((),)
    if array.shape not in shapes or not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` must be a finite number"
            + (f", or {channels} of them. " if channels else ". ")
            + f"Received: {value}"
        )
    return array

"""Networks of convolutions in PyTorch, as one writes them, by their plans.

Where a side is odd by one, TensorFlow pads after the image and PyTorch before
it. So these networks work on mirrored images with mirrored kernels, as in
`dcgan_torch`. Their images are in [-1, 1] throughout.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_ACTIVATIONS = {
    "linear": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
# What is done in PyTorch by the padding of the next convolution.
_PADDING = "ZeroPadding2D"


class Network(nn.Module):
    """A network with the weights of its plan.

    Args:
        plan: `training.benchmarks.network_plan.NetworkPlan`.
    """

    def __init__(self, plan):
        super().__init__()
        self.inputs, self.outputs = plan.inputs, plan.outputs
        paddings = {
            layer.name: layer.config["padding"][0][0]
            for layer in plan.layers
            if layer.kind == _PADDING
        }
        kinds = {layer.name: layer.kind for layer in plan.layers}
        uses = [name for layer in plan.layers for name in layer.sources]
        uses += plan.outputs
        self.calls, modules = [], []
        for layer in plan.layers:
            if not layer.sources:
                continue
            first = layer.sources[0]
            call = _MAKERS[layer.kind](
                layer,
                padding=paddings.get(first, 0),
                is_vector=kinds[first] == "Dense",
                inplace=uses.count(first) == 1 and first not in plan.inputs,
            )
            if isinstance(call, nn.Module):
                modules.append(call)
            self.calls.append((layer.name, call, layer.sources))
        self.parts = nn.ModuleList(modules)

    def forward(self, *inputs):
        values = dict(zip(self.inputs, inputs, strict=True))
        for name, call, sources in self.calls:
            values[name] = call(*(values[source] for source in sources))
        found = [values[name] for name in self.outputs]
        return found if len(found) > 1 else found[0]


def mirrored(x):
    """Images in [0, 1] of ours as those networks take them.

    Args:
        x: `(..., height, width, channels)` array.

    Returns:
        `(..., channels, height, width)` tensor, mirrored both ways, in
        [-1, 1].
    """
    return 2.0 * mirrored_maps(x) - 1.0


def mirrored_maps(x):
    """The same of maps that are no images: their values stay."""
    x = np.moveaxis(np.asarray(x)[..., ::-1, ::-1, :], -1, -3)
    return torch.tensor(np.array(x, order="C"))


def set_parameter(parameter, value):
    """Copies an array into a parameter."""
    with torch.no_grad():
        parameter.copy_(torch.tensor(np.array(value, order="C")))


def _convolution(layer, padding, **_):
    # Keras keeps (H, W, in, out); PyTorch (out, in, H, W).
    kernel = layer.weights[0][::-1, ::-1].transpose(3, 2, 0, 1)
    if layer.config["padding"] == "same":
        padding = (kernel.shape[-1] - 1) // 2
    convolution = nn.Conv2d(
        kernel.shape[1],
        kernel.shape[0],
        kernel.shape[2:],
        stride=layer.config["strides"],
        padding=padding,
        bias=layer.config["use_bias"],
    )
    return _with_weights(convolution, kernel, layer)


def _transposed(layer, **_):
    # Keras keeps (H, W, out, in); PyTorch (in, out, H, W).
    kernel = layer.weights[0][::-1, ::-1].transpose(3, 2, 0, 1)
    size = kernel.shape[-1]
    same = layer.config["padding"] == "same"
    convolution = nn.ConvTranspose2d(
        *kernel.shape[:2],
        size,
        stride=layer.config["strides"],
        padding=(size - 1) // 2 if same else 0,
        output_padding=size % 2 if same else 0,
        bias=layer.config["use_bias"],
    )
    return _with_weights(convolution, kernel, layer)


def _dense(layer, **_):
    kernel = layer.weights[0]
    linear = nn.Linear(*kernel.shape, bias=layer.config["use_bias"])
    return _with_weights(linear, kernel.T, layer)


def _with_weights(module, kernel, layer):
    set_parameter(module.weight, kernel)
    if layer.config["use_bias"]:
        set_parameter(module.bias, layer.weights[1])
    return module


def _batch_normalization(layer, is_vector, **_):
    gamma, beta = layer.weights[:2]
    module = (nn.BatchNorm1d if is_vector else nn.BatchNorm2d)(
        len(gamma),
        eps=layer.config["epsilon"],
        momentum=1.0 - layer.config["momentum"],
    )
    set_parameter(module.weight, gamma)
    set_parameter(module.bias, beta)
    return module


def _instance_normalization(layer, **_):
    epsilon = layer.config["epsilon"]
    if not layer.weights:
        return lambda x: functional.instance_norm(x, eps=epsilon)
    gamma, beta = layer.weights
    module = nn.InstanceNorm2d(len(gamma), eps=epsilon, affine=True)
    set_parameter(module.weight, gamma)
    set_parameter(module.bias, beta)
    return module


def _rescaling(layer, **_):
    pair = layer.config["scale"], layer.config["offset"]
    if pair not in ((2.0, -1.0), (0.5, 0.5)):
        raise ValueError(f"Images are in [-1, 1] here, not rescaled by {pair}.")
    return _ACTIVATIONS["linear"]


def _reshape(layer, **_):
    shape = tuple(layer.config["target_shape"])
    # A vector to a map of one pixel, or back.
    return _as_pixel if len(shape) == 3 else _flat


def _flat(x):
    return x.flatten(1)


def _as_pixel(x):
    return x[:, :, None, None]


def _concatenated(*x):
    return torch.cat(x, dim=1)


def _with_planes(x, labels):
    planes = labels[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], dim=1)


_MAKERS = {
    "Activation": lambda layer, **_: _ACTIVATIONS[layer.config["activation"]],
    "Add": lambda layer, **_: torch.add,
    "BatchNormalization": _batch_normalization,
    "Concatenate": lambda layer, **_: _concatenated,
    "ConstantMaps": lambda layer, **_: (
        lambda x: _as_pixel(x).expand(-1, -1, *layer.config["size"])
    ),
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Dense": _dense,
    "Flatten": lambda layer, **_: _flat,
    "InstanceNormalization": _instance_normalization,
    "LeakyReLU": lambda layer, inplace, **_: nn.LeakyReLU(
        layer.config["negative_slope"], inplace=inplace
    ),
    "ReLU": lambda layer, inplace, **_: nn.ReLU(inplace=inplace),
    "ReflectionPadding2D": lambda layer, **_: nn.ReflectionPad2d(
        layer.config["padding"][0][0]
    ),
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "StridedConv2D": _convolution,
    "StridedConv2DTranspose": _transposed,
    _PADDING: lambda layer, **_: _ACTIVATIONS["linear"],
    "_LabelPlanes": lambda layer, **_: _with_planes,
}

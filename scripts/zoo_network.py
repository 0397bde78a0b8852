"""A network of the zoo, and the statistics its random weights are given."""
import dataclasses
import importlib.util
import pathlib
import re
from collections.abc import Callable

import torch
from torch import nn


@dataclasses.dataclass(frozen=True)
class Network:
    """`build` makes the module with random weights; `inputs` makes one tuple of random inputs, batch 1."""

    name: str
    family: str
    build: Callable[[], nn.Module]
    inputs: Callable[[], tuple]


class Select(nn.Module):
    """A module with plain positional inputs and a tuple of tensors as output, made of one with keywords and named outputs."""

    def __init__(self, module, names=(), outputs=None, **fixed):
        super().__init__()
        self.module, self.names, self.outputs, self.fixed = module, names, outputs, fixed

    def forward(self, *args):
        if self.names:
            result = self.module(**dict(zip(self.names, args)), **self.fixed)
        else:
            result = self.module(*args, **self.fixed)
        if isinstance(result, torch.Tensor):
            return result
        if self.outputs is not None:
            return tuple(result[k] for k in self.outputs)
        values = result.values() if hasattr(result, "values") else result
        return tuple(v for v in values if isinstance(v, torch.Tensor))


def import_torchvision():
    """Imports torchvision beside a torch that its extension was not built for.

    The Python side registers kernels for the extension's operators; they are declared, with any arguments, and never called.
    """
    folder = pathlib.Path(importlib.util.find_spec("torch").origin).parents[1] / "torchvision"
    source = (folder / "_meta_registrations.py").read_text()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in re.findall(r'register_meta\("(\w+)"\)|register_fake\("torchvision::(\w+)"\)', source):
        try:
            library.define(f"{name[0] or name[1]}(...) -> ...")
        except RuntimeError:
            pass  # the extension did load
    import torchvision

    torchvision.declared_operators = library  # a library that is collected takes its operators along
    return torchvision


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def spread(module, make_inputs, batches=2, size=4):
    """Gives random weights statistics under which the output depends on the input.

    Constructors leave gains of 0 or 1e-6, heads of zeros and BatchNorm at mean 0, variance 1: most deep networks then ignore their
    input, and folding such a BatchNorm proves nothing. A constant parameter is spread around its value; BatchNorm takes its
    statistics from batches of random inputs. A channel that hardly moves in these keeps a tenth of its layer's variance: divided by
    its own, another input makes it explode, and the network's answer to that is noise in any arithmetic.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.numel() == 0 or not parameter.is_floating_point():
                continue
            value = float(parameter.flatten()[0])
            if bool((parameter == value).all()):
                noise = torch.randn(parameter.shape) * 0.1
                # A constant matrix is a layer that was switched off: it gets weights of unit gain.
                if parameter.dim() > 1 and parameter.shape[-1] > 1 and parameter[0].numel() > 1:
                    noise = torch.randn(parameter.shape) * parameter[0].numel() ** -0.5
                parameter.copy_(value + noise if abs(value) < 0.5 else value * (1 + noise))
    norms = [m for m in module.modules() if isinstance(m, BATCH_NORMS) and m.track_running_stats]
    module.eval()
    if not norms:
        return
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # the plain average
        m.train()
    with torch.no_grad():
        for _ in range(batches):
            samples = [make_inputs() for _ in range(size)]
            module(*(torch.cat(tensors) if tensors[0].dim() else tensors[0] for tensors in zip(*samples)))
    for m, momentum in zip(norms, momenta):
        m.momentum = momentum
        m.running_var.clamp_(min=0.1 * float(m.running_var.mean()))
    module.eval()


def raise_gain(module):
    """Unit gain for linear and convolution layers with less than half of it, and for BatchNorm: with initial deviations of 0.02 a
    signal fades."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)) and layer.weight.numel() > layer.weight.shape[0]:
                gain = float(layer.weight.std()) * layer.weight[0].numel() ** 0.5
                if 0 < gain < 0.5:
                    layer.weight.div_(gain)
            elif isinstance(layer, BATCH_NORMS) and layer.affine and float(layer.weight.abs().mean()) < 0.5:
                layer.weight.copy_(1 + 0.1 * torch.randn(layer.weight.shape))

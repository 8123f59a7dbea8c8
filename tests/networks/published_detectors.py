"""Keys and shapes of the published detector and point network, as they are documented."""

import torch
from torch import nn

from lib.networks.points106 import Points106

NORM = ("weight", "bias", "running_mean", "running_var")
STAGES = {1: (3, 64, 256), 2: (4, 128, 512), 3: (6, 256, 1024), 4: (3, 512, 2048)}
# Of blocks 2-17 of the network of 106 points: channels before and after, expansion.
BLOCKS106 = {
    **dict.fromkeys(range(2, 8), (64, 64, 2)),
    8: (64, 128, 2),
    **dict.fromkeys(range(9, 15), (128, 128, 4)),
    **dict.fromkeys(range(15, 18), (128, 128, 2)),
}


def norm(name, width):
    return {f"{name}.{part}": (width,) for part in NORM} | {f"{name}.num_batches_tracked": ()}


def body_shapes():
    shapes = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    before = 64
    for stage, (count, width, after) in STAGES.items():
        for block in range(count):
            name = f"layer{stage}.{block}"
            shapes[f"{name}.conv1.weight"] = (width, before, 1, 1)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            shapes[f"{name}.conv3.weight"] = (after, width, 1, 1)
            shapes |= norm(f"{name}.bn1", width) | norm(f"{name}.bn2", width)
            shapes |= norm(f"{name}.bn3", after)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (after, before, 1, 1)
                shapes |= norm(f"{name}.downsample.1", after)
            before = after
    return shapes


def retinaface_shapes():
    shapes = {f"body.{key}": shape for key, shape in body_shapes().items()}
    layers = {f"fpn.output{i}": (256, w, 1) for i, w in ((1, 512), (2, 1024), (3, 2048))}
    layers |= {"fpn.merge1": (256, 256, 3), "fpn.merge2": (256, 256, 3)}
    for i in (1, 2, 3):
        layers |= {
            f"ssh{i}.conv3X3": (128, 256, 3),
            f"ssh{i}.conv5X5_1": (64, 256, 3),
            f"ssh{i}.conv5X5_2": (64, 64, 3),
            f"ssh{i}.conv7X7_2": (64, 64, 3),
            f"ssh{i}.conv7x7_3": (64, 64, 3),
        }
    for name, (after, before, kernel) in layers.items():
        shapes[f"{name}.0.weight"] = (after, before, kernel, kernel)
        shapes |= norm(f"{name}.1", after)
    for name, count in (("ClassHead", 4), ("BboxHead", 8), ("LandmarkHead", 20)):
        for i in range(3):
            shapes[f"{name}.{i}.conv1x1.weight"] = (count, 256, 1, 1)
            shapes[f"{name}.{i}.conv1x1.bias"] = (count,)
    return shapes


def points106_shapes():
    shapes = {"block1.0.weight": (64, 3, 3, 3), "block1.2.weight": (64,)} | norm("block1.1", 64)
    for number, (before, after, expansion) in BLOCKS106.items():
        name, width = f"block{number}.conv", before * expansion
        shapes |= {
            f"{name}.0.weight": (width, before, 1, 1),
            f"{name}.2.weight": (width,),
            f"{name}.3.weight": (width, 1, 3, 3),
            f"{name}.5.weight": (width,),
            f"{name}.6.weight": (after, width, 1, 1),
        }
        shapes |= norm(f"{name}.1", width) | norm(f"{name}.4", width) | norm(f"{name}.7", after)
    shapes |= {"block18.0.weight": (256, 128, 3, 3), "block18.2.weight": (256,)}
    shapes |= norm("block18.1", 256) | {"block19.weight": (106, 256, 3, 3)}
    return shapes


def points106_weights(seed=0):
    """Made-up weights whose heat maps have peaks, so that the points lie apart."""
    torch.manual_seed(seed)
    network = Points106()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    network.block19.weight.data *= 3
    return network.state_dict()

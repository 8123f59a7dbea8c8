"""The published checkpoints' keys and shapes, as their documentation lists them; made-up files."""

import torch

FEATURE_WIDTHS = {2: (32, 32), 3: (32, 32), 4: (32, 64), 5: (64, 64), 6: (64, 64), 7: (64, 64)}
CLASSIFIER_WIDTHS = (129, 1024, 512, 256, 128, 1)
REGULARISER_WIDTHS = {0: (1, 1), 1: (1, 2), 2: (2, 2), 3: (2, 4), 4: (4, 4)}
NORM = ("weight", "bias")
RUNNING = ("running_mean", "running_var")


def implicit_shapes(norm="group"):
    shapes = {
        "image_filter.conv0.weight": (32, 3, 5, 5),
        "image_filter.conv0.bias": (32,),
        "image_filter.feature.weight": (128, 64, 3, 3),
        "image_filter.feature.bias": (128,),
    }
    for index, (before, after) in FEATURE_WIDTHS.items():
        shapes[f"image_filter.conv{index}.conv.weight"] = (after, before, 3, 3)
        for name in NORM + (RUNNING if norm == "batch" else ()):
            shapes[f"image_filter.conv{index}.bn.{name}"] = (after,)
        if norm == "batch":
            shapes[f"image_filter.conv{index}.bn.num_batches_tracked"] = ()
    for index in range(5):
        before, after = CLASSIFIER_WIDTHS[index : index + 2]
        shapes[f"surface_classifier.conv{index}.weight"] = (after, before, 1)
        shapes[f"surface_classifier.conv{index}.bias"] = (after,)
    return shapes


def regulariser_shapes():
    shapes = {"last_conv.weight": (1, 1, 3, 3, 3), "last_conv.bias": (1,)}
    norms = {}
    for index, (before, after) in REGULARISER_WIDTHS.items():
        shapes[f"conv{index}.conv.weight"] = (after, before, 3, 3, 3)
        norms[f"conv{index}.bn"] = after
    for index, (before, after) in {9: (4, 2), 11: (2, 1)}.items():
        shapes[f"conv{index}.0.weight"] = (before, after, 3, 3, 3)
        norms[f"conv{index}.1"] = after
    for name, channels in norms.items():
        shapes |= {f"{name}.{part}": (channels,) for part in NORM + RUNNING}
        shapes[f"{name}.num_batches_tracked"] = ()
    return shapes


def made_up(shapes, seed=0):
    """Weights of moderate size under the given names."""
    chance = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in sorted(shapes.items()):
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var") or (".bn." in name and name.endswith("weight")):
            state[name] = 0.5 + torch.rand(shape, generator=chance)
        else:
            inputs = max(1, torch.Size(shape[1:]).numel())
            state[name] = torch.randn(shape, generator=chance) / inputs**0.5
    return state


def envelope(state):
    """A file's content as the published training writes it, misspelt key included."""
    return {
        "model_state_dict": state,
        "optimizer_state_dic": {"state": {}, "param_groups": []},
        "loss_list": [0.5, 0.25],
        "epoch": 5,
        "global_step": 1000,
    }

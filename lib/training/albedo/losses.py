"""The terms of the UV network's loss, each with what published code does otherwise.

Maps are (n, c, h, w), sRGB-encoded 0..1; masks are (n, 1, h, w), 0..1. All are means over pixels
of the mask, so that a small face counts as much as a large one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

SHARPNESS = 80.0
SCALES = (1, 2, 4)  # px, of the filters whose statistics are compared
TINY = 1e-8


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over pictures of the mean of (n, 1, h, w) values over their masks."""
    sums, sizes = (values * mask).flatten(1).sum(1), mask.flatten(1).sum(1)
    return (sums / sizes.clamp_min(1.0)).mean()


def length(difference: torch.Tensor) -> torch.Tensor:
    """(n, 1, h, w) length over channels; its gradient is finite at 0."""
    return (difference.square().sum(1, keepdim=True) + TINY).sqrt()


def photometric(render: torch.Tensor, photo: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean length of the colour difference over the face."""
    return masked_mean(length(render - photo), mask)


def identity_distance(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """1 - cosine of embeddings (n, k) of length 1; the wanted ones carry no gradient."""
    return (1 - (found * wanted.detach()).sum(1)).mean()


def filter_bank(pictures: torch.Tensor) -> torch.Tensor:
    """(n, 7 c, h, w): colours, and their differences along x and y at three scales."""
    planes = [pictures]
    for scale in SCALES:
        pad = F.pad(pictures, (0, scale, 0, scale), mode="replicate")
        planes += [pad[..., :-scale, scale:] - pictures, pad[..., scale:, :-scale] - pictures]
    return torch.cat(planes, 1)


def style_distance(found: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Squared distance of Gram matrices over channels, over 4 C^2, of pictures in a mask.

    Published code compares Gram matrices over positions, which are no statistics of a texture but
    pictures again, and of features that nobody names; here they are those of `filter_bank`.

    Source: Gatys, Ecker & Bethge 2016, Image style transfer using CNNs (CVPR), eq. 4.
    """
    size = mask.flatten(1).sum(1).clamp_min(1.0)[:, None, None]
    grams = []
    for pictures in (found, wanted):
        planes = (filter_bank(pictures) * mask).flatten(2)
        grams.append(planes @ planes.transpose(1, 2) / size)
    channels = grams[0].shape[1]
    return ((grams[0] - grams[1]) ** 2).sum((1, 2)).mean() / (4 * channels**2)


def detail_size(albedo: torch.Tensor, coarse: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean length of the difference of detailed and coarse albedo, eyes left out by the mask."""
    return masked_mean(length(albedo - coarse), mask)


def gradient_distance(
    found: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Mean distance of central differences along x and along y, each channel by itself.

    The published filter adds both directions and all channels, so that edges along one diagonal,
    and colours that change against each other, cancel out. Texels beside the mask's border do not
    count.
    """
    inner = -F.max_pool2d(-mask, 3, 1, 1)
    total = found.new_zeros(())
    for slope, goal in zip(_slopes(found), _slopes(wanted), strict=True):
        total = total + masked_mean((slope - goal).abs().mean(1, keepdim=True), inner)
    return total


def _slopes(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    wide = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    across = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
    down = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    return across, down


def symmetry_distance(
    albedo: torch.Tensor, mask: torch.Tensor, threshold: float = 0.0
) -> torch.Tensor:
    """Mean length of the difference to the mirror image, beyond a threshold.

    The length goes over channels; in published code it goes over columns. The mirror image carries
    no gradient.
    """
    both = mask * mask.flip(3)
    size = length(albedo - albedo.detach().flip(3))
    return masked_mean((size - threshold).clamp_min(0), both)


def chroma_smoothness(
    albedo: torch.Tensor, reference: torch.Tensor, mask: torch.Tensor, sharpness: float = SHARPNESS
) -> torch.Tensor:
    """Mean change of the albedo to the next texel, where the reference does not change.

    Weights are exp(-sharpness |change of the reference|), summed over its channels; each channel of
    the albedo is compared with itself, where published filters mix all channels in each.
    """
    total = albedo.new_zeros(())
    for dim in (2, 3):
        count = albedo.shape[dim] - 1
        steps = [
            maps.narrow(dim, 1, count) - maps.narrow(dim, 0, count) for maps in (albedo, reference)
        ]
        both = mask.narrow(dim, 1, count) * mask.narrow(dim, 0, count)
        weight = (-sharpness * steps[1].abs().sum(1, keepdim=True)).exp().detach()
        total = total + masked_mean(weight * steps[0].abs().sum(1, keepdim=True), both)
    return total


def chromaticity(maps: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) shares of the channels; 1/3 each of black."""
    return (maps + 1e-3) / (maps + 1e-3).sum(1, keepdim=True)


def light_size(light: torch.Tensor, gamma: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean distance of the light to grey light, and to the one light of the whole photo.

    Args:
        light: (n, 27, s, s).
        gamma: (n, 27).
        mask: (n, 1, s, s).
    """
    colours = light.unflatten(1, (3, -1))
    grey = (colours - colours.mean(1, keepdim=True)).abs().flatten(1, 2)
    away = (light - gamma[..., None, None]).abs()
    return masked_mean((grey + away).mean(1, keepdim=True), mask)


def sparse_size(
    albedo: torch.Tensor, coarse: torch.Tensor, importance: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Weighted mean length of what is added to the coarse albedo."""
    return masked_mean(importance * length(albedo - coarse), mask)


def truth_distance(albedo: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference to the true albedo where it is known; 0 where nothing is."""
    return masked_mean((albedo - truth).abs().mean(1, keepdim=True), known)

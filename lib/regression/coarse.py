"""The detail layer's coarse network among the regressors: its crop, and its code in our order.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from lib.artefacts import Faces, Landmarks
from lib.errors import CaptureFailure
from lib.geometry.aligned_crop import AlignedCrop
from lib.geometry.orthographic import CROP_PX, landmark_square, square_crop
from lib.networks.checkpoints import CheckpointError, load_weights, read_checkpoint, weights_in
from lib.networks.regressor import CodeLayout
from lib.networks.vggface import ENCODER, CoarseNetwork, coarse_of

WHAT = "weights of a coefficient regressor"
UNCUT = square_crop((CROP_PX, CROP_PX), (0, 0), CROP_PX)


class CoarseRegressor(nn.Module):
    """(n, 3, 300, 300) RGB 0..255 -> (n, layout.total): the code with pose and light in our order.

    Args:
        network: with its weights.
    """

    def __init__(self, network: CoarseNetwork):
        super().__init__()
        self.network = network
        sizes = network.layout
        self.layout = CodeLayout(sizes.identity, sizes.expression, sizes.albedo)

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        code = self.network(crop)
        angles, moved = code.pose[:, :3], code.pose[:, 3:]
        return torch.cat(
            [code.identity, code.expression, code.albedo, angles, code.light, moved], 1
        )


def coarse_regressor(path: str | Path) -> CoarseRegressor | None:
    """The coarse network of a checkpoint; None where it holds another network.

    Raises:
        MissingModelError: the file is not there.
        CheckpointError: it cannot be read, or the network is not whole.
    """
    try:
        state = weights_in(read_checkpoint(path, WHAT), path, WHAT)
    except CheckpointError:
        return None  # whoever reads it next says what is wrong
    if not any(key.startswith(ENCODER) for key in state):
        return None
    network = coarse_of(state, path)
    load_weights(network, state, path)
    return CoarseRegressor(network.eval())


def square_of_view(
    size: tuple[int, int], faces: Faces, landmarks: Landmarks, view: int, points: str, cut: bool
) -> AlignedCrop:
    """The square that the coarse network sees of one view.

    Args:
        size: (h, w) of the view.
        faces: the face that is meant.
        landmarks: of it.
        view: which one.
        points: `landmarks`: the square follows the 68 points, whose extent is that of the 86;
            `detector`: the face's box.
        cut: False = the picture is such a square.

    Raises:
        CaptureFailure: nothing tells the square (`not_aligned`).
    """
    if not cut:
        if size != (CROP_PX, CROP_PX):
            raise CaptureFailure(
                "not_aligned",
                f"the picture is {size[1]} x {size[0]} px; with regression.crop: false pictures "
                f"must be crops of {CROP_PX} x {CROP_PX} px. Set it to true.",
            )
        return UNCUT
    if points == "landmarks":
        marks = np.asarray(landmarks.ibug68_px[view], np.float64)
    else:
        marks = np.asarray(faces.box_px[view], np.float64).reshape(2, 2)
    try:
        corner, side = landmark_square(marks)
    except ValueError as error:
        raise CaptureFailure("not_aligned", f"view {view + 1}: {error}") from error
    return square_crop(size, corner, side)

"""Networks that say one known code whatever they see, and captures for them."""

from __future__ import annotations

import numpy as np
import torch

from lib.artefacts import Capture, Faces, Landmarks
from lib.facemodel import FaceModel
from lib.networks.regressor import CodeLayout, CoefficientRegressor
from lib.networks.vggface import CoarseLayout, CoarseNetwork
from lib.regression.coarse import CoarseRegressor

SIZE = (480, 640)


def constant_network(model: FaceModel, code: np.ndarray) -> CoefficientRegressor:
    """A network for a head model that says `code` of every picture."""
    layout = CodeLayout(model.n_identity, model.n_expression, model.n_albedo)
    network = CoefficientRegressor("mobilenet_v3", layout).eval()
    start = 0
    with torch.no_grad():
        for head, size in zip(network.final_layers, layout.heads, strict=True):
            head.bias.copy_(torch.tensor(code[start : start + size], dtype=torch.float32))
            start += size
    return network


def constant_coarse(model: FaceModel, code: np.ndarray) -> CoarseRegressor:
    """A small coarse network of the detail layer that says `code` of every picture.

    Args:
        model: the head model.
        code: (total,) in our order: identity, expression, albedo, angles, light, translation.
    """
    sizes = (model.n_identity, model.n_expression, model.n_albedo)
    network = CoarseNetwork(CoarseLayout(*sizes), (2, 2, 2, 2, 2), 4, 32).eval()
    parts = np.split(code, np.cumsum([*sizes, 3, 27]))
    rows = [*parts[:3], np.concatenate([parts[3], parts[5]]), parts[4]]
    with torch.no_grad():
        network.encoder.fc7.weight.zero_()
        network.encoder.fc7.bias.copy_(torch.tensor([1.0, 0, 0, 0]))
        for head, row in zip(network.heads.values(), rows, strict=True):
            head.weight.zero_()
            head.weight[:, 0] = torch.tensor(row, dtype=torch.float32)
    return CoarseRegressor(network)


def random_coarse_code(model: FaceModel, seed: int = 0) -> np.ndarray:
    """`random_code` with the light and the place of the detail layer's conventions."""
    code = random_code(model, seed)
    code[-30:-3] = np.random.default_rng(seed + 1).normal(0, 0.05, 27)
    code[-30:-3:9] += 2.2
    code[-3:] = [4.0, -12.0, 0.05]
    return code


def random_code(model: FaceModel, seed: int = 0) -> np.ndarray:
    """(total,) a plausible face: identity, weights, tone, pose, light, place."""
    chance = np.random.default_rng(seed)
    weights = np.where(model.free_expressions, chance.uniform(0, 0.3, model.n_expression), 0)
    return np.concatenate(
        [
            chance.normal(0, 0.5, model.n_identity),
            weights,
            chance.normal(0, 0.3, model.n_albedo),
            chance.normal(0, 0.1, 3),
            chance.normal(0, 0.02, 27),
            chance.normal(0, 0.1, 3),
        ]
    ).astype(np.float32)


def five_on(size: tuple[int, int] = SIZE) -> np.ndarray:
    """(5, 2) px of a face in the middle of a photo."""
    middle = np.array([size[1] / 2, size[0] / 2])
    return middle + [(-31, -32), (31, -30), (1, 4), (-25, 37), (25, 39)]


def capture_of(images: list[np.ndarray], name: str = "anna") -> Capture:
    """A capture whose views nobody calibrated."""
    n = len(images)
    return Capture(
        subject=name,
        view=tuple(f"view{k}" for k in range(n)),
        path=(name,) * n,
        sha256=("",) * n,
        image=tuple(images),
        original_size=np.array([image.shape[:2] for image in images]),
        working_to_original=np.ones((n, 2)),
        focal_px=np.full(n, np.nan),
        focal_source=("none",) * n,
        centre_px=np.array([[(i.shape[1] - 1) / 2, (i.shape[0] - 1) / 2] for i in images]),
        distortion=np.zeros((n, 8)),
        world_to_camera=np.full((n, 3, 4), np.nan),
        length_unit="unknown",
        mask=tuple(np.zeros((0, 0), np.uint8) for _ in images),
    )


def faces_of(five: np.ndarray) -> Faces:
    """Faces of views with five points (n_views, 5, 2)."""
    n = len(five)
    box = np.concatenate([five.min(1), five.max(1)], 1)
    return Faces(
        photo="anna",
        subject="anna",
        box_px=box,
        score=np.ones(n),
        points_px=five,
        roll_rad=np.zeros(n),
    )


def landmarks_of(ibug68: np.ndarray) -> Landmarks:
    """Landmarks (n_views, 68, 2) as measured, one px sure."""
    sigma = np.ones(ibug68.shape[:2])
    return Landmarks(
        scheme="ibug68",
        points_px=ibug68,
        sigma_px=sigma,
        depth_px=np.full_like(sigma, np.nan),
        ibug68_px=ibug68,
        ibug68_sigma_px=sigma,
        presence=np.ones(len(ibug68)),
    )


def ibug68_around(five: np.ndarray) -> np.ndarray:
    """(68, 2) points of which the standard five are those given; the rest lies at their middle."""
    marks = np.tile(five.mean(0), (68, 1))
    for corners, eye in (((36, 39), 0), ((42, 45), 1)):
        marks[corners[0]], marks[corners[1]] = five[eye] - [8, 0], five[eye] + [8, 0]
    marks[[30, 48, 54]] = five[2:]
    return marks

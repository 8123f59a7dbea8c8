"""Where the 468 points of the mesh network lie on a head model, found by asking the network.

Random heads are rendered, the network marks its points on the pictures, and each mark is cast back
onto the mean head. The robust mean over many heads, poses and lights, made symmetric, is the
place of the point; its spread tells how well the point is defined.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ConfigError
from lib.facemodel import FaceModel, SurfacePoints
from lib.landmarks.ibug import JAW, N_IBUG, ibug_of_mesh
from lib.landmarks.mesh import MeanMesh, MeshMeasurer
from lib.landmarks.renders import RenderedHead, painted, render_heads
from lib.landmarks.surface import nearest_on_surface, normals_at
from lib.log import progress
from lib.networks import FACE_MESH
from lib.networks.facemesh import N_POINTS
from lib.networks.mesh_mirror import MIRROR

logger = logging.getLogger(__name__)

SCHEME = "mesh468"
_MIN_COSINE = 0.45  # a mark counts where the surface is seen at less than 63 degrees
_MAX_STEP_MM = 4.0  # neighbouring pixels further apart on the mean head lie across an outline
_MIN_MARKS = 8
_ROUNDS = 5
_CUT = 2.5  # standard deviations beyond which a mark is dropped


@dataclass(frozen=True)
class CorrespondenceOptions:
    """Settings of the correspondence.

    Args:
        n_heads: number of rendered heads.
        augmentations: crops of the network per head.
        min_presence: renders that the network hardly takes for a face are left out.
        seed: of the random heads.
    """

    n_heads: int = 300
    augmentations: int = 6
    min_presence: float = 0.8
    seed: int = 468


def mesh468_on_model(
    model: FaceModel, models: str | Path, options: CorrespondenceOptions
) -> SurfacePoints:
    """The 468 points of the mesh network on a head model.

    Args:
        model: any head model with parts `face_mask` and eyebrows and a region `skin`.
        models: folder of the network files.
        options: settings.

    Raises:
        MissingModelError: the network is missing.
        ConfigError: the network saw a face on fewer than half of the renders, or a point on
            too few.
    """
    marks, rotations = _marks(model, models, options)
    places = _robust_mean(model, marks, rotations)
    skin = model.region("skin")
    triangle, weights = nearest_on_surface(places, model.mean, model.triangles, skin)
    on_skin = SurfacePoints(triangle, weights, np.zeros(N_POINTS))
    return SurfacePoints(triangle, weights, _spread(model, on_skin, marks, rotations))


def _marks(
    model: FaceModel, models: str | Path, options: CorrespondenceOptions
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 468, 3) marks on the mean head, NaN = off the face, and (n, 3, 3) rotations."""
    measurer = MeshMeasurer(models, options.augmentations)
    generator = np.random.default_rng(options.seed)
    heads = render_heads(model, options.n_heads, generator, painted(model))
    marks, rotations = [], []
    for head in progress(heads, "rendered heads", options.n_heads):
        seen = measurer.measure(head.image, head.box_px, 0.0)
        if seen.presence >= options.min_presence:
            marks.append(_cast(head, seen))
            rotations.append(head.rotation)
    logger.info("the mesh network saw a face on %d of %d renders", len(marks), options.n_heads)
    if len(marks) < options.n_heads / 2:
        raise ConfigError(
            f"The mesh network saw a face on {len(marks)} of {options.n_heads} renders of "
            f"'{model.name}', expected at least half: look at the renders of this model."
        )
    hits = np.isfinite(np.array(marks)).all(2).sum(0)
    if hits.min() < _MIN_MARKS:
        raise ConfigError(
            f"Mesh point {hits.argmin()} was marked on the skin of '{model.name}' on "
            f"{hits.min()} of {len(marks)} renders, expected {_MIN_MARKS}: raise n_heads."
        )
    return np.array(marks), np.array(rotations)


def _cast(head: RenderedHead, seen: MeanMesh) -> np.ndarray:
    """(468, 3) the places on the mean head under the network's points; NaN beside the skin."""
    limit = np.array(head.on_mean.shape[1::-1]) - 2
    corner = np.clip(np.floor(seen.points_px).astype(int), 0, limit)
    share = np.clip(seen.points_px - corner, 0, 1)
    x, y = corner.T
    window = np.stack([head.on_mean[y + dy, x + dx] for dy in (0, 1) for dx in (0, 1)], 1)
    right, down = share[:, :1], share[:, 1:]
    weights = np.concatenate(
        [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right], 1
    )
    place = np.einsum("nk,nkc->nc", weights, window)
    step = np.linalg.norm(window - window[:, :1], axis=2).max(1)
    return np.where((step < _MAX_STEP_MM)[:, None], place, np.nan)


def _robust_mean(model: FaceModel, marks: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """(468, 3) symmetric mean places; marks on slanted surface and outliers are left out."""
    places = np.nanmedian(marks, axis=0)
    skin = model.region("skin")
    flip = np.array([-1.0, 1.0, 1.0])
    for _ in range(_ROUNDS):
        places = (places + flip * places[MIRROR]) / 2
        usable = _usable(model, places, skin, marks, rotations)
        count = usable.sum(0)
        total = np.where(usable[..., None], marks, 0).sum(0)
        mean = total / np.maximum(count, 1)[:, None]
        places = np.where((count >= _MIN_MARKS)[:, None], mean, places)
    return (places + flip * places[MIRROR]) / 2


def _usable(
    model: FaceModel,
    places: np.ndarray,
    skin: np.ndarray,
    marks: np.ndarray,
    rotations: np.ndarray,
) -> np.ndarray:
    """(n, 468) bool: the surface there faces the camera and the mark is no outlier."""
    triangle, weights = nearest_on_surface(places, model.mean, model.triangles, skin)
    points = SurfacePoints(triangle, weights, np.zeros(len(triangle)))
    normals = normals_at(points, model.mean, model.triangles)
    cosine = -np.einsum("nc,pc->np", rotations[:, 2], normals)
    # Points that never face the camera, such as those before the ears, use their best views.
    enough = np.minimum(_MIN_COSINE, np.quantile(cosine, 0.7, axis=0))
    facing = (cosine >= enough) & np.isfinite(marks).all(2)
    gap = np.where(facing, np.linalg.norm(marks - places, axis=2), np.nan)
    limit = _CUT * 1.4826 / 1.1774 * np.nanmedian(gap, axis=0)
    return facing & (gap <= limit)


def _spread(
    model: FaceModel, points: SurfacePoints, marks: np.ndarray, rotations: np.ndarray
) -> np.ndarray:
    """(468,) mm standard deviation of a mark along the surface, per axis, the same on both sides.

    The median distance of a normal distribution in the plane is 1.1774 standard deviations.
    """
    places = points.on(model.mean, model.triangles)
    normals = normals_at(points, model.mean, model.triangles)
    cosine = -np.einsum("nc,pc->np", rotations[:, 2], normals)
    enough = np.minimum(_MIN_COSINE, np.quantile(cosine, 0.7, axis=0))
    gap = np.where(cosine >= enough, np.linalg.norm(marks - places, axis=2), np.nan)
    sigma = np.nanmedian(gap, axis=0) / 1.1774
    return np.maximum(sigma, sigma[MIRROR])


def ibug68_by_mesh(model: FaceModel, mesh: SurfacePoints) -> SurfacePoints:
    """The 68 iBUG points of a head: the inner 51 where annotators, told by the network, mark them.

    The inner points are the network's own points in the proportions of `ibug_of_mesh`, brought to
    the skin; the jaw stays where the head model's own rules put it.

    Args:
        model: the head model; its `ibug68` gives the jaw and every sigma.
        mesh: of `mesh468_on_model`.
    """
    known = model.landmarks["ibug68"]
    places = mesh.on(model.mean, model.triangles).astype(np.float64)
    inner = slice(len(JAW), N_IBUG)
    wanted = ibug_of_mesh(model).weights[inner] @ places
    triangle, barycentric = nearest_on_surface(
        wanted, model.mean.astype(np.float64), model.triangles, model.region("skin")
    )
    return SurfacePoints(
        np.concatenate([known.triangle[: len(JAW)], triangle]),
        np.concatenate([known.barycentric[: len(JAW)], barycentric]),
        known.sigma_mm,
    )


def write_correspondence(
    path: str | Path,
    model: FaceModel,
    points: SurfacePoints,
    options: CorrespondenceOptions,
    scheme: str = SCHEME,
) -> None:
    """Write points and provenance as a landmark scheme that `read_face_model` finds by its name.

    Args:
        path: `<scheme>_<model>.json` beside the model's file; the same input gives the same bytes.
        model: the head model.
        points: of `mesh468_on_model`.
        options: with which they were found.
        scheme: name of the scheme.
    """
    head = {
        "scheme": scheme,
        "model": model.name,
        "triangles_sha256": triangles_sha256(model),
        "network": FACE_MESH.name,
        "network_sha256": FACE_MESH.sha256,
        "made_by": "scripts/build_landmark_correspondence.py",
        "n_heads": options.n_heads,
        "seed": options.seed,
        "licence": "CC0-1.0: measured on renders of a head model by an Apache-2.0 network",
    }
    if points.depth_bias_mm is not None:
        head["depth_bias_by"] = "scripts/calibrate_landmark_depth.py, on near-frontal photos"
    rows = [
        {
            "triangle": int(triangle),
            "barycentric": [round(float(weight), 4) for weight in weights],
            "sigma_mm": round(float(sigma), 2),
        }
        for triangle, weights, sigma in zip(points.triangle, points.barycentric, points.sigma_mm)
    ]
    if points.depth_bias_mm is not None:
        for row, bias in zip(rows, points.depth_bias_mm):
            row["depth_bias_mm"] = round(float(bias), 2)
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    text = "{\n" + ",\n".join(lines) + f',\n"points": [\n{body}\n]\n}}\n'
    Path(path).write_text(text, encoding="utf-8")


def triangles_sha256(model: FaceModel) -> str:
    """Hash of the model's topology, which a correspondence belongs to."""
    return hashlib.sha256(np.ascontiguousarray(model.triangles, "<i4").tobytes()).hexdigest()

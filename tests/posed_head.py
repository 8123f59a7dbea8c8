"""A head before a camera with an exact fit, and the default head without eyeballs and mouth."""

from dataclasses import dataclass, replace

import numpy as np

from lib.artefacts import Capture, FaceFit
from lib.facemodel import FaceModel
from lib.geometry import project

SIZE, FOCAL = (300, 260), 900.0


@dataclass(frozen=True)
class Case:
    """A posed head with an exact fit."""

    capture: Capture
    fit: FaceFit


def without_eyeballs(model: FaceModel) -> FaceModel:
    """As published models are: one surface without eyeballs, whose eyes are patches of it."""
    rows = model.region("skin")
    kept = np.flatnonzero(rows)
    number = np.full(len(rows), -1)
    number[kept] = np.arange(len(kept))
    patches, regions = _eye_patches(model), model.triangle_region[kept]
    schemes = {name: model.landmarks[name] for name in ("ibug68", "points5", "ldm134")}
    return replace(
        model,
        name="skin",
        triangles=np.concatenate([model.triangles[kept], patches]),
        triangle_region=np.concatenate([regions, np.zeros(len(patches), regions.dtype)]),
        region_names=("skin",),
        uv_triangles=np.concatenate([model.uv_triangles[kept], patches * 0]),
        landmarks={
            name: replace(points, triangle=number[points.triangle])
            for name, points in schemes.items()
        }
        | {"ldm106": _on_skin(model, number)},
    )


def _eye_patches(model: FaceModel) -> np.ndarray:
    """Fans of triangles over the rims of both lid openings."""
    triangles = model.triangles[model.region("skin")]
    fans = []
    for name in ("right_eye", "left_eye"):
        rim = np.intersect1d(model.parts[name], triangles)
        place = model.mean[rim]
        turn = np.arctan2(*(place[:, :2] - place[:, :2].mean(axis=0)).T[::-1])
        ring = rim[np.argsort(turn)]
        fans.append(np.stack([np.full(len(ring), ring[0]), ring, np.roll(ring, -1)], axis=1))
    return np.concatenate(fans).astype(model.triangles.dtype)


def _on_skin(model: FaceModel, number: np.ndarray):
    points = model.landmarks["ldm106"]
    triangle = number[points.triangle]
    triangle[triangle < 0] = triangle[74] if triangle[74] >= 0 else triangle[66]
    return replace(points, triangle=triangle)


def make_case(model: FaceModel, yaw_deg=0.0, jaw_open=0.0, views=1, unfitted=()) -> Case:
    """An exact fit of the mean head, turned to its left by `yaw_deg`."""
    yaw = np.radians(yaw_deg)
    turn = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    rotation = np.diag([1.0, -1.0, -1.0]) @ np.array(turn)
    pose = np.column_stack([rotation, [0, -25.0, 800.0] - rotation @ [0, 0, -60.0]])
    centre = np.array([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
    expression = np.zeros(model.n_expression, np.float32)
    if jaw_open:
        expression[model.expression_names.index("jawOpen")] = jaw_open
    posed = model.vertices(None, expression)
    marks = model.landmarks["ibug68"].on(posed, model.triangles)
    poses = np.stack([pose] * views)
    poses[list(unfitted)] = np.nan
    n = views
    fit = FaceFit(
        model=model.name,
        method="truth",
        identity=np.zeros(model.n_identity),
        identity_covariance=np.eye(model.n_identity),
        albedo=np.zeros(model.n_albedo),
        expression=np.stack([expression] * n),
        expression_sigma=np.zeros((n, model.n_expression)),
        world_to_camera=poses,
        focal_px=np.full(n, FOCAL),
        focal_sigma=np.zeros(n),
        centre_px=np.stack([centre] * n),
        light=np.zeros((n, 9, 3)),
        vertices=model.mean,
        vertex_sigma_mm=np.zeros(model.n_vertices),
        landmarks_px=np.stack([project(marks, pose, FOCAL, centre)] * n),
        landmarks_mm=np.stack([marks] * n),
        reprojection_px=np.zeros(n),
        interocular_px=np.full(n, 100.0),
    )
    capture = Capture(
        subject="anna",
        path=("anna.png",) * n,
        sha256=("0" * 64,) * n,
        image=(np.zeros((*SIZE, 3), np.uint8),) * n,
        original_size=np.tile(SIZE, (n, 1)),
        working_to_original=np.ones((n, 2)),
        focal_px=np.full(n, np.nan),
        focal_source=("none",) * n,
        centre_px=np.stack([centre] * n),
        world_to_camera=np.full((n, 3, 4), np.nan),
        length_unit="mm",
        distortion=np.zeros((n, 8)),
        mask=[np.zeros((0, 0))] * n,
        view=[f"{i:02d}" for i in range(n)],
    )
    return Case(capture, fit)

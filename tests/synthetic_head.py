"""A small made-up head with all that a real model has, and the artefacts of one capture of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.artefacts import (
    Albedo,
    Capture,
    FaceFit,
    Faces,
    Highlights,
    Landmarks,
    Parsing,
    Parts,
    Regression,
    Scores,
    SkinMask,
    Texture,
)
from lib.facemodel.model import FaceModel, SurfacePoints
from lib.geometry import project, split_quads
from lib.geometry.aligned_crop import align_face, standard_five

ROWS, COLUMNS = 14, 20
EXPRESSIONS = ("jawOpen", "eyeBlinkLeft", "mouthSmileRight")
FOCAL_PX, DISTANCE_MM = 500.0, 600.0


def synthetic_model() -> FaceModel:
    """An egg of 14 x 20 quads with a uv seam behind, and two eye balls with their own charts."""
    parts = [
        _ball((0, -20, -80), (75, 110, 90), (0.02, 0.30, 0.96, 0.98)),
        _ball((-32, 0, 4), (12, 12, 12), (0.02, 0.02, 0.40, 0.26), rows=6, columns=8),
        _ball((32, 0, 4), (12, 12, 12), (0.56, 0.02, 0.96, 0.26), rows=6, columns=8),
    ]
    vertices, uv, quads, uv_quads, region = [], [], [], [], []
    for index, (points, chart, polygons, uv_polygons) in enumerate(parts):
        quads.append(polygons + sum(map(len, vertices)))
        uv_quads.append(uv_polygons + sum(map(len, uv)))
        region.append(np.full(len(polygons), index))
        vertices.append(points)
        uv.append(chart)
    mean = np.concatenate(vertices).astype(np.float32)
    triangles = split_quads(np.concatenate(quads))
    skin = np.arange(len(vertices[0]))
    rng = np.random.default_rng(1)
    landmark = SurfacePoints(
        rng.choice(_in_front(mean, triangles), 68), np.full((68, 3), 1 / 3, np.float32), np.ones(68)
    )
    return FaceModel(
        name="synthetic",
        mean=mean,
        identity_basis=_bumps(mean, 4, rng) * 3,
        expression_basis=_expressions(mean, len(skin)),
        expression_names=EXPRESSIONS,
        free_expressions=np.ones(len(EXPRESSIONS), bool),
        triangles=triangles,
        triangle_region=np.tile(np.concatenate(region), 2),
        region_names=("skin", "eye_right", "eye_left"),
        mirror=np.arange(len(mean)),
        uv=np.concatenate(uv).astype(np.float32),
        uv_triangles=split_quads(np.concatenate(uv_quads)),
        albedo_mean=np.full(mean.shape, 0.4, np.float32),
        albedo_basis=np.zeros((2, *mean.shape), np.float32),
        landmarks={"ibug68": landmark},
        contour=tuple(np.arange(3) for _ in range(17)),
        parts={"face_mask": skin[mean[skin, 2] > 0]},
        licence="CC0-1.0",
        source="made up",
    )


@dataclass(frozen=True)
class SyntheticCase:
    """One capture of the synthetic head with the result of every stage."""

    capture: Capture
    faces: Faces
    landmarks: Landmarks
    skin: SkinMask
    parsing: Parsing
    regression: Regression
    fit: FaceFit
    parts: Parts
    texture: Texture
    highlights: Highlights
    albedo: Albedo
    scores: Scores


# What every capture has.
LINE = ("capture", "faces", "landmarks", "skin", "fit", "highlights", "texture", "albedo")


def synthetic_case(
    model: FaceModel, photo: str = "/home/somebody/private/anna.jpg", n_views: int = 1
) -> SyntheticCase:
    """A grey photo of 240 x 200 px, half the size of its original, with a head in its middle."""
    height, width = 240, 200
    identity = np.linspace(-0.5, 0.5, model.n_identity).astype(np.float32)
    expression = np.zeros((n_views, model.n_expression), np.float32)
    expression[:, 0] = 0.25
    vertices = model.vertices(identity)
    pose = np.column_stack([np.diag([1.0, -1.0, -1.0]), [0, 0, DISTANCE_MM]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    posed = model.vertices(identity, expression[0])
    points_mm = model.landmarks["ibug68"].on(posed, model.triangles).astype(np.float32)
    points_px = project(points_mm, pose, np.array(FOCAL_PX), centre)
    measured = points_px + 1.0
    measured[5] = np.nan
    image = (
        np.full((height, width, 3), 90, np.uint8) + np.arange(width, dtype=np.uint8)[:, None] // 4
    )

    def views(value: np.ndarray) -> np.ndarray:
        return np.stack([value] * n_views)

    return SyntheticCase(
        capture=Capture(
            subject="anna",
            path=(photo,) * n_views,
            sha256=("0" * 64,) * n_views,
            image=(image,) * n_views,
            original_size=views(np.array([2 * height, 2 * width])),
            working_to_original=np.full((n_views, 2), 2.0),
            focal_px=np.full(n_views, np.nan),
            focal_source=("none",) * n_views,
            centre_px=views(centre),
            world_to_camera=np.full((n_views, 3, 4), np.nan),
            length_unit="mm",
            distortion=np.zeros((n_views, 8)),
            mask=[np.zeros((0, 0))] * n_views,
            view=[f"{i:02d}" for i in range(n_views)],
        ),
        faces=Faces(
            photo="anna",
            subject="anna",
            box_px=views(np.array([50, 60, 150, 180])),
            score=np.full(n_views, 0.9),
            points_px=views(points_px[:5]),
            roll_rad=np.full(n_views, 0.1),
        ),
        landmarks=Landmarks(
            scheme="mesh468",
            points_px=views(measured[:40]),
            sigma_px=views(np.linspace(1, 3, 40)),
            depth_px=np.full((n_views, 40), np.nan),
            ibug68_px=views(measured),
            ibug68_sigma_px=views(np.linspace(1, 3, 68)),
            presence=np.full(n_views, 0.99),
        ),
        skin=SkinMask(probability=(_disc(height, width),) * n_views),
        parsing=_parsing((height, width), n_views),
        regression=_regression(model, identity, expression, (height, width), points_px),
        fit=FaceFit(
            model=model.name,
            method="optimise",
            identity=identity,
            identity_covariance=0.25 * np.eye(model.n_identity),
            albedo=np.zeros(model.n_albedo),
            expression=expression,
            expression_sigma=np.full_like(expression, 0.1),
            world_to_camera=views(pose),
            focal_px=np.full(n_views, FOCAL_PX),
            focal_sigma=np.full(n_views, 0.1),
            centre_px=views(centre),
            light=np.full((n_views, 9, 3), 0.5),
            vertices=vertices,
            vertex_sigma_mm=np.linspace(0.5, 3, model.n_vertices),
            landmarks_px=views(points_px),
            landmarks_mm=views(points_mm),
            reprojection_px=np.full(n_views, 1.4),
            interocular_px=np.full(n_views, 70.0),
        ),
        parts=_parts((height, width), points_px, n_views),
        texture=Texture(rgb=_stripes(64), weight=np.ones((64, 64))),
        highlights=_highlights(image, n_views),
        albedo=_albedo(64, n_views),
        scores=_scores(posed, n_views),
    )


def _highlights(image: np.ndarray, n_views: int) -> Highlights:
    """A bright spot that is taken off."""
    spot = _disc(*image.shape[:2]) // 2
    return Highlights(
        method="dichromatic",
        probability=(spot,) * n_views,
        diffuse=(np.where(spot[..., None] > 0, image - 20, image),) * n_views,
        illuminant=np.ones((n_views, 3)),
        illuminant_sigma=np.full(n_views, 0.1),
        illuminant_source=("camera",) * n_views,
    )


def _albedo(side: int, n_views: int) -> Albedo:
    """Stripes half as bright as the texture, under twice the light."""
    light = np.zeros((n_views, 9, 3))
    light[:, 0] = 2 / 0.28209479
    return Albedo(
        method="inverse",
        rgb=_stripes(side) / 2,
        weight=np.ones((side, side)),
        specular=np.full((side, side), 0.03),
        roughness=np.full((side, side), 0.5),
        gloss_weight=np.zeros((side, side)),
        light=light,
        local_light=np.zeros((n_views, 4, 4, 9, 3)),
        white=np.ones((n_views, 3)),
        white_source=("camera",) * n_views,
        ita_deg=35.0,
        ita_sigma_deg=6.0,
    )


def _regression(
    model: FaceModel,
    identity: np.ndarray,
    expression: np.ndarray,
    size: tuple[int, int],
    points_px: np.ndarray,
) -> Regression:
    """A code that looks straight ahead, with a crop about the points of the fit."""
    n_views = len(expression)
    crop = align_face(standard_five(points_px), size)
    return Regression(
        system="deep3d",
        model=model.name,
        network="made up",
        identity=np.stack([identity] * n_views),
        expression=expression,
        albedo=np.zeros((n_views, model.n_albedo)),
        angles=np.zeros((n_views, 3)),
        light=np.zeros((n_views, 27)),
        translation=np.zeros((n_views, 3)),
        image_size=[size] * n_views,
        scale=[crop.scale] * n_views,
        centre=[crop.centre] * n_views,
        resized=[crop.resized] * n_views,
        corner=[crop.corner] * n_views,
    )


def _parsing(size: tuple[int, int], n_views: int) -> Parsing:
    """Stripes of all eight parts on a disc."""
    label = np.where(_disc(*size) > 0, 1 + np.arange(size[1]) % 8, 0).astype(np.uint8)
    return Parsing(method="files", label=(label,) * n_views, known=np.ones((n_views, 8)))


def _parts(size: tuple[int, int], points_px: np.ndarray, n_views: int) -> Parts:
    """Stripes of all eight parts on a disc, and iBUG points as often as a scheme needs them."""
    label = np.where(_disc(*size) > 0, 1 + np.arange(size[1]) % 8, 0).astype(np.uint8)
    full = np.where(label > 0, 1 << (np.maximum(label, 1) - 1), 0)
    points = {
        f"{name}_px": np.stack([np.resize(points_px, (n, 2))] * n_views)
        for name, n in (("ibug68", 68), ("ldm106", 106), ("ldm106_2d", 106), ("ldm134", 134))
    }
    seen = {name.replace("_px", "_seen"): np.ones(p.shape[:2]) for name, p in points.items()}
    return Parts(
        model="synthetic",
        method="raster",
        visible=(label,) * n_views,
        full=(full,) * n_views,
        **points,
        **seen,
    )


def _scores(posed: np.ndarray, n_views: int) -> Scores:
    """A millimetre too far out on the one side, as much too deep on the other."""
    who = ("fit", "average_person", "mean_face", "fit", "fit", "fit")
    measure = ("rigid.mean",) * 3 + tuple(f"sigma.within_{level}" for level in (50, 80, 95))
    return Scores(
        truth="anna.ply",
        dataset="scans",
        span="out_of_model",
        outcome="ok",
        reason="",
        views=n_views,
        who=who,
        measure=measure,
        unit=("mm",) * 3 + ("%",) * 3,
        view=np.full(6, -1),
        value=[1.25, 2.5, 5.0, 40.0, 70.0, 90.0],
        alignment=("rigid",),
        posed_mm=posed,
        vertex_error_mm=np.sign(posed[None, :, 0]),
        surface_mm=np.zeros((0, 0, 3)),
        surface_error_mm=np.zeros((0, 0, 0)),
    )


def _ball(middle, radii, chart, rows=ROWS, columns=COLUMNS):
    """Vertices, uv, quads and uv quads of an ellipsoid without poles, seam at the back."""
    polar = np.linspace(0.12, np.pi - 0.12, rows + 1)
    turn = np.linspace(-np.pi, np.pi, columns + 1)
    theta, phi = np.meshgrid(polar, turn, indexing="ij")
    unit = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], 2)
    vertices = (np.array(middle) + unit[:, :-1] * radii).reshape(-1, 3)
    u0, v0, u1, v1 = chart
    u = u0 + (u1 - u0) * (phi + np.pi) / (2 * np.pi)
    v = v1 - (v1 - v0) * (theta - polar[0]) / (polar[-1] - polar[0])
    row, column = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")

    def corners(width: int) -> np.ndarray:
        right = (column + 1) % width
        cells = [row * width + column, (row + 1) * width + column]
        cells += [(row + 1) * width + right, row * width + right]
        return np.stack(cells, axis=2).reshape(-1, 4)

    return vertices, np.stack([u, v], axis=2).reshape(-1, 2), corners(columns), corners(columns + 1)


def _in_front(mean: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    centre = mean[triangles].mean(axis=1)
    return np.flatnonzero((centre[:, 2] > -20) & (np.abs(centre[:, 0]) < 50))


def _bumps(mean: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    wave = np.sin(mean @ rng.normal(0, 0.03, (3, count))).T
    return (wave[..., None] * rng.normal(0, 1, (count, 1, 3))).astype(np.float32)


def _expressions(mean: np.ndarray, n_skin: int) -> np.ndarray:
    """Local moves: the first drops the chin, the others act at an eye and a mouth corner."""
    basis = np.zeros((len(EXPRESSIONS), *mean.shape), np.float32)
    places = [((0, -110, -10), (0, -20, -6)), ((32, 8, 0), (0, -8, 2)), ((-30, -60, 0), (-6, 6, 0))]
    for index, (place, move) in enumerate(places):
        near = np.clip(1 - np.linalg.norm(mean[:n_skin] - place, axis=1) / 45, 0, 1)
        basis[index, :n_skin] = near[:, None] * move
    return basis


def _disc(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(x - width / 2, y - height / 2) < 60
    return (inside * 255).astype(np.uint8)


def _stripes(side: int) -> np.ndarray:
    rgb = np.full((side, side, 3), (0.45, 0.30, 0.24))
    rgb[::8] *= 0.7
    return rgb

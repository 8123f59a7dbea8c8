"""Distances on a face that surveys publish, and how a model's mean and spread compare with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import lsq_linear

from lib.facemodel.model import FaceModel, SurfacePoints
from lib.geometry import vertex_normals


@dataclass(frozen=True)
class Survey:
    """A published distance.

    Args:
        name: of the distance.
        men: mean and standard deviation, mm.
        women: mean and standard deviation, mm.
        source: key into SOURCES.
        weight: how much calibration trusts that the model measures the same thing.
        vertical: whether only the height counts, not the straight distance.
    """

    name: str
    men: tuple[float, float]
    women: tuple[float, float]
    source: str
    weight: float = 1.0
    vertical: bool = False

    @property
    def mean(self) -> float:
        """Of a population of as many men as women, mm."""
        return (self.men[0] + self.women[0]) / 2

    @property
    def sigma(self) -> float:
        """Standard deviation of that mixed population, mm."""
        within = (self.men[1] ** 2 + self.women[1] ** 2) / 2
        return float(np.sqrt(within + ((self.men[0] - self.women[0]) / 2) ** 2))


SOURCES = {
    "Z": "Zhuang & Bradtmiller 2005, J Occup Environ Hyg 2:567-576 (US workers, n = 3,997)",
    "F": "Farkas 1994, Anthropometry of the Head and Face, 2nd ed. (North American adults)",
    "I": "pooled means by origin, intercanthal distance: Plast Reconstr Surg Glob Open 2022, "
    "PMC9029890 (n = 22,638)",
}
SURVEYS = (
    Survey("bizygomatic breadth", (143.5, 6.9), (135.1, 6.5), "Z"),
    Survey("bigonial breadth", (120.4, 10.4), (110.1, 8.9), "Z", 0.5),
    Survey("head breadth", (153.0, 6.0), (146.8, 5.6), "Z"),
    Survey("head length", (197.3, 7.4), (187.5, 7.2), "Z"),
    Survey("interpupillary distance", (64.5, 3.6), (61.9, 3.5), "Z"),
    Survey("lip length", (51.1, 4.2), (48.0, 4.0), "Z"),
    Survey("menton-sellion length", (122.7, 7.0), (113.4, 6.1), "Z"),
    Survey("nose breadth", (36.6, 4.1), (33.2, 3.9), "Z"),
    Survey("nose protrusion", (21.1, 2.7), (19.8, 2.7), "Z"),
    Survey("subnasale-sellion length", (52.0, 4.1), (48.2, 3.8), "Z"),
    Survey("biocular width", (91.2, 3.0), (87.8, 3.2), "F"),
    Survey("intercanthal width", (34.2, 3.5), (33.2, 3.5), "I"),
    Survey("eye fissure height", (10.8, 0.9), (10.9, 1.2), "F", 0.1),  # photos: narrower eyes
    Survey("philtrum length", (15.9, 1.6), (13.9, 1.8), "F", 0.5),
    Survey("lower face height", (72.6, 4.5), (64.3, 4.0), "F"),
    Survey("vertex-nasion height", (111.3, 6.8), (107.8, 6.5), "F", vertical=True),
)
_AXES = np.array([(0, 1, 0) if survey.vertical else (1, 1, 1) for survey in SURVEYS])


def endpoints(
    vertices: np.ndarray,
    triangles: np.ndarray,
    landmarks: Mapping[str, SurfacePoints],
    face_mask: np.ndarray,
) -> sp.csr_matrix:
    """Both ends of every distance in SURVEYS as weights on vertices.

    Args:
        vertices: (n, 3) mm, neutral and symmetric.
        triangles: (t, 3).
        landmarks: `ibug68` and `points5`.
        face_mask: (m,) vertices of the face, without ears.

    Returns:
        (2 * n_surveys, n): rows 2i and 2i + 1 belong to survey i.
    """
    ibug, five = landmarks["ibug68"], landmarks["points5"]
    marks = ibug.on(vertices, triangles)
    breadth = _breadths(vertices, vertex_normals(vertices, triangles), face_mask, marks)
    pairs = {
        "interpupillary distance": ((five, 0), (five, 1)),
        "lip length": ((ibug, 48), (ibug, 54)),
        "menton-sellion length": ((ibug, 8), (ibug, 27)),
        "nose protrusion": ((ibug, 30), (ibug, 33)),
        "subnasale-sellion length": ((ibug, 33), (ibug, 27)),
        "biocular width": ((ibug, 36), (ibug, 45)),
        "intercanthal width": ((ibug, 39), (ibug, 42)),
        "eye fissure height": ((ibug, 38), (ibug, 40)),
        "philtrum length": ((ibug, 33), (ibug, 51)),
        "lower face height": ((ibug, 33), (ibug, 8)),
    }
    rows, columns, weights = [], [], []
    for index, survey in enumerate(SURVEYS):
        for end in range(2):
            row = 2 * index + end
            if survey.name in breadth:
                corners, share = np.array([breadth[survey.name][end]]), np.ones(1)
            else:
                points, which = pairs[survey.name][end]
                corners, share = triangles[points.triangle[which]], points.barycentric[which]
            rows += [row] * len(corners)
            columns += list(corners)
            weights += list(share)
    return sp.csr_matrix((weights, (rows, columns)), shape=(2 * len(SURVEYS), len(vertices)))


def _breadths(
    vertices: np.ndarray, normals: np.ndarray, face_mask: np.ndarray, marks: np.ndarray
) -> dict[str, tuple[int, int]]:
    """Vertex pairs at the widest places; the wings of the nose face sideways."""
    x, y, z = vertices.T
    face = np.zeros(len(vertices), bool)
    face[face_mask] = True
    mouth = marks[48, 1]
    bands = {
        "bizygomatic breadth": face & (y < marks[36, 1]) & (y > marks[30, 1]),
        "bigonial breadth": face & (y < mouth + 2) & (y > mouth - 10),
        "head breadth": (y > 40) & (y < 90),
        "nose breadth": face
        & (y < marks[29, 1])
        & (y > marks[33, 1] - 2)
        & (z > marks[33, 2] - 14)
        & (np.abs(normals[:, 0]) > 0.75)
        & (np.abs(x) < abs(marks[48, 0])),
    }
    found = {}
    for name, band in bands.items():
        members = np.flatnonzero(band)
        found[name] = (int(members[x[members].argmin()]), int(members[x[members].argmax()]))
    middle = np.flatnonzero(np.abs(x) < 3)
    brow = middle[(y[middle] > 8) & (y[middle] < 35)]
    back = middle[y[middle] > -20]
    sellion = np.linalg.norm(vertices - marks[27], axis=1).argmin()
    found["vertex-nasion height"] = (int(middle[y[middle].argmax()]), int(sellion))
    found["head length"] = (int(brow[z[brow].argmax()]), int(back[z[back].argmin()]))
    return found


def distances(points: np.ndarray) -> np.ndarray:
    """(..., n_surveys) mm from (..., 2 * n_surveys, 3) endpoints."""
    return np.linalg.norm(_AXES * (points[..., 0::2, :] - points[..., 1::2, :]), axis=-1)


def distance_slopes(points: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(k, n_surveys) first-order change of each distance for endpoint moves (k, 2 n_surveys, 3)."""
    apart = _AXES * (points[0::2] - points[1::2])
    along = apart / np.linalg.norm(apart, axis=1, keepdims=True)
    return np.einsum("ksx,sx->ks", moved[:, 0::2] - moved[:, 1::2], along)


def model_distances(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (n_surveys,) in mm of each distance over the model's people."""
    ends = endpoints(model.mean, model.triangles, model.landmarks, model.parts["face_mask"])
    points = ends @ model.mean.astype(np.float64)
    moved = np.stack([ends @ mode for mode in model.identity_basis])
    slopes = distance_slopes(points, moved)
    return distances(points), np.sqrt((slopes**2).sum(axis=0))


def calibrated_scales(
    variance: np.ndarray, prior: float = 0.03, bounds: tuple[float, float] = (0.1, 4.0)
) -> np.ndarray:
    """Factors on the variance of each family that bring the distances' spread to the surveys'.

    Args:
        variance: (n_families, n_surveys) mm^2 that each family adds now.
        prior: pull of every factor towards 1.
        bounds: smallest and largest factor.

    Returns:
        (n_families,)
    """
    wanted = np.array([survey.sigma**2 for survey in SURVEYS])
    weight = np.array([survey.weight for survey in SURVEYS])
    rows = (variance / wanted).T * weight[:, None]
    pull = np.sqrt(prior) * np.eye(len(variance))
    system = np.concatenate([rows, pull])
    target = np.concatenate([weight, np.full(len(variance), np.sqrt(prior))])
    return lsq_linear(system, target, bounds=bounds, tol=1e-12).x


def calibrated_mean(
    slopes: np.ndarray, found: np.ndarray, prior: float = 0.02, limit: float = 1.5
) -> np.ndarray:
    """(k,) sigmas of each factor that bring the mean's distances to the surveys'.

    Args:
        slopes: (k, n_surveys) mm per sigma.
        found: (n_surveys,) mm on the present mean.
        prior: pull towards no change.
        limit: largest change, sigma.
    """
    sigma = np.array([survey.sigma for survey in SURVEYS])
    weight = np.array([survey.weight for survey in SURVEYS])
    gap = (np.array([survey.mean for survey in SURVEYS]) - found) / sigma * weight
    rows = (slopes / sigma).T * weight[:, None]
    system = np.concatenate([rows, np.sqrt(prior) * np.eye(len(slopes))])
    target = np.concatenate([gap, np.zeros(len(slopes))])
    return lsq_linear(system, target, bounds=(-limit, limit), tol=1e-12).x


def comparison_table(model: FaceModel) -> str:
    """Markdown table: the model's mean and sigma of each distance beside the published ones."""
    mean, sigma = model_distances(model)
    lines = [
        "| distance, mm | model mean | survey mean | model sigma | survey sigma | source |",
        "|---|---|---|---|---|---|",
    ]
    for survey, m, s in zip(SURVEYS, mean, sigma):
        lines.append(
            f"| {survey.name} | {m:.1f} | {survey.mean:.1f} | {s:.1f} | {survey.sigma:.1f} "
            f"| {survey.source} |"
        )
    return "\n".join(lines)

"""Small files of the formats that hold BFM 2009, made from the default head's face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io

from lib.facemodel import FaceModel
from tests.facemodel.resampled_face import ResampledFace, resampled_face

SHIFT = np.array([1.2, -14.0, 35.0])  # mm, the frame of the files
FRONT_TOP = 35.0  # mm: a fit compares colours below


@dataclass(frozen=True)
class SmallBfm:
    """A face in decimetres as Deep3DFaceRecon's readers have it before they recentre it.

    Args:
        face: in mm.
        front: (f,) vertices that a fit compares.
        skin: (n,) 0/1.
        front_triangles: (g, 3) indices into `front`.
    """

    face: ResampledFace
    front: np.ndarray
    skin: np.ndarray
    front_triangles: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return ((self.face.mean + SHIFT) / 100).astype(np.float32)

    def shape(self, identity: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """(n, 3) decimetres, recentred on the mean of the mean: what published readers give."""
        mean = self.mean.astype(np.float64)
        moved = np.tensordot(identity, self.face.identity, 1) / 100
        moved += np.tensordot(expression, self.face.expression, 1) / 100
        return mean - mean.mean(axis=0) + moved


def small_bfm(head: FaceModel) -> SmallBfm:
    face = resampled_face(head)
    is_front = face.mean[:, 1] < FRONT_TOP
    front = np.flatnonzero(is_front)
    number = np.cumsum(is_front) - 1
    return SmallBfm(
        face=face,
        front=front,
        skin=(np.abs(face.mean[:, 0]) < 50) & (np.abs(face.mean[:, 0]) > 20),
        front_triangles=number[face.triangles[is_front[face.triangles].all(axis=1)]],
    )


def columns(modes: np.ndarray) -> np.ndarray:
    """(3 n, k) of (k, n, 3)."""
    return modes.reshape(len(modes), -1).T


def topology(small: SmallBfm) -> dict[str, np.ndarray]:
    """Of facemodel_info.mat: float32 that counts from 1."""
    face = small.face
    front_mask = np.zeros((1, len(face.mean)))
    front_mask[0, small.front] = 1
    arrays = {
        "tri": face.triangles + 1,
        "keypoints": face.ibug68[None] + 1,
        "frontmask2": front_mask,
        "frontmask2_idx": small.front[:, None] + 1,
        "tri_mask2": small.front_triangles + 1,
        "skinmask": small.skin[None],
    }
    return {name: values.astype(np.float32) for name, values in arrays.items()}


def write_prepared(path: Path, small: SmallBfm) -> Path:
    """BFM_model_front.mat."""
    face = small.face
    scipy.io.savemat(
        path,
        {
            "meanshape": small.mean.reshape(1, -1),
            "meantex": 255 * face.albedo_mean.reshape(1, -1),
            "idBase": columns(face.identity) / 100,
            "exBase": columns(face.expression) / 100,
            "texBase": 255 * columns(face.albedo),
        }
        | topology(small),
    )
    return path


def write_folder(folder: Path, small: SmallBfm, seed: int = 0) -> Path:
    """The published files: the face lies among vertices that two lists leave out."""
    folder.mkdir(exist_ok=True)
    face, rng = small.face, np.random.default_rng(seed)
    n = len(face.mean)
    n_trimmed, n_whole = n + 40, n + 90
    trim = np.sort(rng.choice(n_whole, n_trimmed, replace=False))
    front = np.sort(rng.choice(n_trimmed, n, replace=False))

    def spread_out(modes: np.ndarray, chosen: np.ndarray, count: int) -> np.ndarray:
        result = rng.normal(size=(len(modes), count, 3))
        result[:, chosen] = modes
        return result

    def scaled(modes: np.ndarray, units: float) -> tuple[np.ndarray, np.ndarray]:
        """(3 n, k) components and (k, 1) deviations, whose products are the modes."""
        spread = units * np.linspace(3, 1, len(modes))
        return columns(spread_out(units * modes / spread[:, None, None], trim[front], n_whole)), (
            spread[:, None]
        )

    shape, shape_spread = scaled(face.identity, 1e3)  # micrometres
    colour, colour_spread = scaled(face.albedo, 255.0)
    scipy.io.savemat(
        folder / "01_MorphableModel.mat",
        {
            "shapeMU": columns(spread_out(1e5 * small.mean[None], trim[front], n_whole)),
            "shapePC": shape,
            "shapeEV": shape_spread,
            "texMU": columns(spread_out(255 * face.albedo_mean[None], trim[front], n_whole)),
            "texPC": colour,
            "texEV": colour_spread,
        },
    )
    deviation = np.linspace(453980, 276, len(face.expression)).round(2)
    components = 1e3 * face.expression / deviation[:, None, None]
    every = spread_out(np.concatenate([0 * components[:1] + 7, components]), front, n_trimmed)
    with (folder / "Exp_Pca.bin").open("wb") as file:
        file.write(np.int32(len(components)).astype("<i4").tobytes())
        file.write(every.astype("<f4").tobytes())
    (folder / "std_exp.txt").write_text(" ".join(map(str, deviation)) + "\n")
    scipy.io.savemat(folder / "BFM_exp_idx.mat", {"trimIndex": (trim[:, None] + 1).astype("u2")})
    scipy.io.savemat(folder / "BFM_front_idx.mat", {"idx": (front[:, None] + 1).astype("f4")})
    scipy.io.savemat(folder / "facemodel_info.mat", topology(small))
    return folder


def write_face_model_npy(path: Path, small: SmallBfm, recentred: bool = True, **changed) -> Path:
    """3DDFA_V3's dictionary; `changed` arrays are put in, those that are None left out."""
    face, head_parts = small.face, eight_parts(small)
    mean = small.mean - (small.mean.mean(axis=0) if recentred else 0)
    corners = face.triangles
    content = {
        "u": mean.reshape(-1, 1),
        "id": (columns(face.identity) / 100).astype(np.float32),
        "exp": (columns(face.expression) / 100).astype(np.float32),
        "u_alb": 255 * face.albedo_mean.reshape(-1, 1),
        "alb": 255 * columns(face.albedo),
        "point_buf": np.zeros((len(mean), 8), int),
        "tri": corners,
        "uv_coords": chart(small),
        "ldm68": face.ibug68,
        "ldm106": face.ldm106,
        "ldm134": face.ldm134,
        "annotation": list(head_parts.values()),
        "annotation_tri": [corners[np.isin(corners, p).all(axis=1)] for p in head_parts.values()],
        "parallel": parallel_lines(small),
    }
    content = {name: value for name, value in (content | changed).items() if value is not None}
    np.save(path, content, allow_pickle=True)
    return path


def chart(small: SmallBfm) -> np.ndarray:
    """(n, 2) 0..1, a frontal view stretched to the square."""
    low, high = small.face.mean.min(axis=0), small.face.mean.max(axis=0)
    return (0.01 + 0.98 * (small.face.mean - low) / (high - low))[:, :2]


def eight_parts(small: SmallBfm) -> dict[str, np.ndarray]:
    """Boxes about landmarks: nothing that a rule would give."""
    place, marks = small.face.mean, small.face.mean[small.face.ibug68]
    boxes = {
        name: np.flatnonzero((np.abs(place - marks[i].mean(axis=0)) < size).all(axis=1))
        for name, i, size in (
            ("right_eye", slice(36, 42), (14, 6, 30)),
            ("left_eye", slice(42, 48), (14, 6, 30)),
            ("right_eyebrow", slice(17, 22), (20, 4, 30)),
            ("left_eyebrow", slice(22, 27), (20, 4, 30)),
            ("nose", slice(27, 36), (14, 22, 60)),
            ("upper_lip", slice(49, 54), (20, 5, 30)),
            ("lower_lip", slice(55, 60), (18, 5, 30)),
        )
    }
    taken: set[int] = set()
    for name, vertices in boxes.items():
        boxes[name] = np.array([v for v in vertices.tolist() if v not in taken])
        taken |= set(vertices.tolist())
    return boxes | {"skin": np.setdiff1d(np.arange(len(place)), list(taken))}


def parallel_lines(small: SmallBfm) -> list[np.ndarray]:
    """33 lines of vertices from each contour point towards the middle of the face."""
    place, contour = small.face.mean, small.face.ldm106[:33]
    lines = []
    for vertex in contour:
        way = place[vertex] + np.linspace(0, 0.35, 9)[:, None] * (
            np.array([0, -30, place[vertex][2]]) - place[vertex]
        )
        away = np.linalg.norm(place[:, None, :2] - way[None, :, :2], axis=2)
        lines.append(np.unique(np.append(away.argmin(axis=0), vertex)))
    return lines

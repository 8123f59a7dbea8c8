"""The square chart of the face that the UV network looks at, and the head's own chart beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import scipy.io

from lib.errors import ConfigError, MissingModelError
from lib.facemodel import FaceModel
from lib.inputs.matlab import check_mat
from lib.inputs.reading import reading
from lib.render import Buffers, fill_margins, interpolate, sample_texture, uv_buffers
from lib.uvspace.grid import outer_skin

SIDE = 256
MARGIN = 1.02  # of the face's extent on the head's chart
INDICES = "select_vertex_id.mat"  # beside the file of the published chart
EYES = ("right_eye", "left_eye")
ZONE = (*EYES, "nose")
USUAL, OF_ZONE = 48 / 255, 64 / 255  # published weights of the face, and of eyes and nose
WHERE = (
    "BFM_UV.mat and select_vertex_id.mat are files of 3DFaceTexture's authors; or leave "
    "albedo.chart empty and take weights that train_albedo made."
)

Kind = Literal["face", "published"]


@dataclass(frozen=True)
class FaceChart:
    """A chart of the face alone; row 0 is v = 1, and the subject's right is on the left.

    Args:
        kind: `face` = the square about the face on the head's own chart; `published` = the chart of
            the Basel model's front.
        model: the head model.
        uv: (n_uv, 2) chart coordinates; those of triangles off the face may lie outside 0..1.
        uv_triangles: (T, 3) indices into `uv`, row by row beside the model's triangles.
        rows: (t,) the triangles of the face.
        buffers: (side, side): which of `rows` each texel is on, and where.
        eyes: (side, side) bool: texels of the eyes.
        importance: (side, side) float32: published weights of an additive detail; 0 off the face.
    """

    kind: Kind
    model: FaceModel
    uv: np.ndarray
    uv_triangles: np.ndarray
    rows: np.ndarray
    buffers: Buffers
    eyes: np.ndarray
    importance: np.ndarray

    @property
    def side(self) -> int:
        return len(self.buffers.mask)

    @property
    def mask(self) -> np.ndarray:
        """(side, side) bool: texels of the face."""
        return self.buffers.mask

    @property
    def skin(self) -> np.ndarray:
        """(side, side) bool: the face without its eyes."""
        return self.mask & ~self.eyes

    def drawn(self, values: np.ndarray) -> np.ndarray:
        """(side, side, C) float32 of values (V, C) at the head's vertices; 0 off the face."""
        return interpolate(self.buffers, values, self.model.triangles[self.rows])

    def from_head(self, image: np.ndarray) -> np.ndarray:
        """(side, side, C) float32 of an image (n, n, C) on the head's own chart."""
        corners = self.model.uv_triangles[self.rows]
        place = interpolate(self.buffers, self.model.uv, corners)
        return sample_texture(image, place) * self.mask[..., None]

    def to_head(self, image: np.ndarray, uv_size: int) -> np.ndarray:
        """(uv_size, uv_size, C) float32 of an image (side, side, C), smooth; 0 off the face.

        Args:
            image: on this chart; what lies off the face does not count.
            uv_size: side of the head's chart.
        """
        place, mask = self._on_head(uv_size)
        factor = max(1, round(uv_size / self.side))
        wide = fill_margins(image.astype(np.float32), self.mask)
        if factor > 1:  # cubic, since straight lines between texels would show
            size = (self.side * factor,) * 2
            planes = [cv2.resize(p, size, interpolation=cv2.INTER_CUBIC) for p in _planes(wide)]
            wide = np.stack(planes, axis=2)
        return sample_texture(wide, place) * mask[..., None]

    def head_mask(self, uv_size: int) -> np.ndarray:
        """(uv_size, uv_size) bool: texels of the head's chart that lie on the face."""
        return self._on_head(uv_size)[1]

    def _on_head(self, uv_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Places (uv_size, uv_size, 2) on this chart, and where there are some."""
        corners = self.model.uv_triangles[self.rows]
        buffers = uv_buffers(self.model.uv, corners, (uv_size, uv_size))
        return interpolate(buffers, self.uv, self.uv_triangles[self.rows]), buffers.mask


def face_chart(model: FaceModel, side: int = SIDE, published: str = "") -> FaceChart:
    """The chart of a head model.

    Args:
        model: the head model.
        side: texels along each side.
        published: file `BFM_UV.mat`; empty = the square about the face on the head's chart.

    Raises:
        MissingModelError: a published file is not there.
        ConfigError: it holds something else, or is of another head.
    """
    face = np.zeros(model.n_vertices, bool)
    face[model.parts["face_mask"]] = True
    rows = np.flatnonzero(face[model.triangles].all(axis=1) & outer_skin(model))
    if published:
        uv, corners = published_uv(Path(published), model, side), model.triangles
    else:
        uv, corners = _window(model, rows), model.uv_triangles
    buffers = uv_buffers(uv, corners[rows], (side, side))

    def within(parts: tuple[str, ...]) -> np.ndarray:
        values = np.zeros((model.n_vertices, 1))
        for part in parts:
            values[model.parts.get(part, [])] = 1
        return interpolate(buffers, values, model.triangles[rows])[..., 0] > 0.5

    importance = np.where(within(ZONE), OF_ZONE, USUAL) * buffers.mask
    kind: Kind = "published" if published else "face"
    eyes = within(EYES)
    return FaceChart(kind, model, uv, corners, rows, buffers, eyes, importance.astype(np.float32))


def _window(model: FaceModel, rows: np.ndarray) -> np.ndarray:
    """(n_uv, 2) the head's chart scaled so that its face fills a square, mirrored about u = 1/2."""
    at = np.zeros((model.n_vertices, 2))
    at[model.triangles[rows]] = model.uv[model.uv_triangles[rows]]
    used = np.unique(model.triangles[rows])
    axis = 0.5 * float(np.median(at[used, 0] + at[model.mirror[used], 0]))
    low, high = at[used].min(axis=0), at[used].max(axis=0)
    half = MARGIN * max(axis - low[0], high[0] - axis, (high[1] - low[1]) / 2)
    centre = np.array([axis, (low[1] + high[1]) / 2])
    return ((model.uv - centre) / (2 * half) + 0.5).astype(np.float32)


def published_uv(path: Path, model: FaceModel, side: int = SIDE) -> np.ndarray:
    """(V, 2) the published chart at the vertices of a Basel model's front.

    Their texel of (U, V) is column U (S - 1), row (S - 1) (1 - V), of which integers are centres.

    Raises:
        MissingModelError: a file is not there.
        ConfigError: it holds something else, or is of another head.
    """
    for file in (path, path.with_name(INDICES)):
        if not file.is_file():
            raise MissingModelError(f"albedo.chart is {path}, but {file} is not there. {WHERE}")
    with reading(path, f"the key UV, with select_id in {INDICES} beside it", WHERE):
        check_mat(path)
        check_mat(path.with_name(INDICES))
        whole = scipy.io.loadmat(path)["UV"]
        chosen = scipy.io.loadmat(path.with_name(INDICES))["select_id"].ravel().astype(np.int64)
    if (
        len(chosen) != model.n_vertices
        or whole.ndim != 2
        or not 0 < chosen.min() <= chosen.max() <= len(whole)
    ):
        raise ConfigError(
            f"{path} tells the chart of {len(chosen)} vertices, the head model '{model.name}' has "
            f"{model.n_vertices}. The published chart is that of face_model: bfm09."
        )
    place = whole[chosen - 1, :2]
    return ((place * (side - 1) + 0.5) / side).astype(np.float32)


def _planes(image: np.ndarray) -> list[np.ndarray]:
    return [np.ascontiguousarray(image[..., k]) for k in range(image.shape[2])]

"""A head model: shape, expression and albedo as linear functions of coefficients, with its names.

Frame: millimetres, right-handed, x to the subject's left, y up, z out of the face, origin midway
between the eyes. Triangles run counter-clockwise seen from outside. UV origin is bottom-left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lib.facemodel.cylinder import CylinderChart
from lib.imaging import srgb_to_linear, srgb_to_linear_slope

PARTS = (
    "right_eye",
    "left_eye",
    "right_eyebrow",
    "left_eyebrow",
    "nose",
    "upper_lip",
    "lower_lip",
    "skin",
)


@dataclass(frozen=True)
class SurfacePoints:
    """Named points on the mesh that move with it.

    Args:
        triangle: (n_points,) index of the triangle that holds each point.
        barycentric: (n_points, 3) weights of its corners.
        sigma_mm: (n_points,) how well the point is defined on a person's face.
        depth_bias_mm: (n_points,) what a network's depth of the point is too far out of the face
            for people on the whole; None = unknown.
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    sigma_mm: np.ndarray
    depth_bias_mm: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.triangle)

    def on(self, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """Positions (..., n_points, 3) on a mesh with vertices (..., n_vertices, 3)."""
        corners = vertices[..., triangles[self.triangle], :]
        return np.einsum("...pkc,pk->...pc", corners, self.barycentric)


@dataclass(frozen=True)
class FaceModel:
    """vertices = mean + identity_basis . identity + expression_basis . expression

    Args:
        name: `makehuman`, `ict`, ...
        mean: (n_vertices, 3) mm.
        identity_basis: (n_identity, n_vertices, 3) mm per sigma; coefficients ~ N(0, 1).
        expression_basis: (n_expression, n_vertices, 3) mm at weight 1, or per sigma; see
            `expression_prior`.
        expression_names: ARKit names where the expression is one of the 52.
        free_expressions: (n_expression,) bool; False = a corrective or a shape that photos do not
            tell (`mouthClose`, `tongueOut`), left at 0 by fitting.
        triangles: (n_triangles, 3) vertex indices.
        triangle_region: (n_triangles,) index into `region_names`.
        region_names: `skin`, `eye_left`, `teeth_upper`, ...
        mirror: (n_vertices,) index of the vertex on the other side.
        uv: (n_uv, 2) chart coordinates 0..1 of all regions.
        uv_triangles: (n_triangles, 3) indices into `uv`, row by row beside `triangles`.
        albedo_mean: (n_vertices, 3) sRGB under D65, in `albedo_encoding`. For light use `albedo`.
        albedo_basis: (n_albedo, n_vertices, 3) per sigma, likewise.
        landmarks: scheme name (`ibug68`, `points5`, `mesh468`, `ldm106`, `ldm134`) -> its points.
        contour: for each jaw point 0..16 of iBUG-68, (n_candidates,) vertices from ear side to
            throat; the one on the silhouette is what an annotator marks.
        parts: the names of `PARTS`, and `face_mask` -> vertex indices.
        licence: licence of the model's data.
        source: where it came from, with a hash.
        expression_prior: `weight` = coefficients are weights in 0..1; `normal` = they are N(0, 1),
            of both signs and without bounds.
        albedo_encoding: `linear` = mean and modes are linear light; `srgb` = their sum is
            sRGB-encoded, 0..1, as many published models have it.
        contour33: candidate vertices of each of the 33 points of the dense contour, where the
            model brings them; empty = `lib.facemodel.contour33` makes them by rule.
        cylinder: the chart of the detail layer's networks, where the model brings it; None =
            `lib.shading.detail_layer` makes it by rule.
    """

    name: str
    mean: np.ndarray
    identity_basis: np.ndarray
    expression_basis: np.ndarray
    expression_names: tuple[str, ...]
    free_expressions: np.ndarray
    triangles: np.ndarray
    triangle_region: np.ndarray
    region_names: tuple[str, ...]
    mirror: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    albedo_mean: np.ndarray
    albedo_basis: np.ndarray
    landmarks: Mapping[str, SurfacePoints]
    contour: tuple[np.ndarray, ...]
    parts: Mapping[str, np.ndarray]
    licence: str
    source: str
    expression_prior: Literal["weight", "normal"] = "weight"
    albedo_encoding: Literal["linear", "srgb"] = "linear"
    contour33: tuple[np.ndarray, ...] = ()
    cylinder: CylinderChart | None = None

    @property
    def n_identity(self) -> int:
        return len(self.identity_basis)

    @property
    def n_expression(self) -> int:
        return len(self.expression_basis)

    @property
    def n_albedo(self) -> int:
        return len(self.albedo_basis)

    @property
    def n_vertices(self) -> int:
        return len(self.mean)

    def vertices(
        self, identity: np.ndarray | None = None, expression: np.ndarray | None = None
    ) -> np.ndarray:
        """(n_vertices, 3) mm for (n_identity,) and (n_expression,) coefficients; None = zero."""
        result = self.mean.astype(np.float32)
        if identity is not None:
            result = result + np.tensordot(identity.astype(np.float32), self.identity_basis, 1)
        if expression is not None:
            result = result + np.tensordot(expression.astype(np.float32), self.expression_basis, 1)
        return result

    def albedo(self, coefficients: np.ndarray | None = None) -> np.ndarray:
        """(n_vertices, 3) linear sRGB, clipped to 0..1, for (n_albedo,) coefficients."""
        result = self.albedo_mean
        if coefficients is not None:
            result = result + np.tensordot(coefficients.astype(np.float32), self.albedo_basis, 1)
        result = np.clip(result, 0, 1)
        return srgb_to_linear(result) if self.albedo_encoding == "srgb" else result

    def linear_albedo(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean (n_vertices, 3) and modes (n_albedo, n_vertices, 3) in linear light.

        Exact for a model in linear light; of an encoded one the tangent at its mean.
        """
        if self.albedo_encoding == "linear":
            return self.albedo_mean, self.albedo_basis
        mean = np.clip(self.albedo_mean, 0, 1)
        slope = srgb_to_linear_slope(mean)
        return srgb_to_linear(mean), (slope * self.albedo_basis).astype(np.float32)

    def region(self, *names: str) -> np.ndarray:
        """(n_triangles,) bool: triangles of the named regions."""
        wanted = [self.region_names.index(name) for name in names]
        return np.isin(self.triangle_region, wanted)


def check_indices(model: FaceModel) -> None:
    """That every index of a model points into its table, and its tables have one length.

    Compiled code draws and measures meshes, and does not ask again.

    Raises:
        ValueError: one does not.
    """
    n, n_triangles = len(model.mean), len(model.triangles)
    shapes = {
        "mean": (model.mean, (n, 3)),
        "identity": (model.identity_basis, (model.n_identity, n, 3)),
        "expression": (model.expression_basis, (model.n_expression, n, 3)),
        "free": (model.free_expressions, (model.n_expression,)),
        "triangles": (model.triangles, (n_triangles, 3)),
        "region": (model.triangle_region, (n_triangles,)),
        "mirror": (model.mirror, (n,)),
        "uv": (model.uv, (len(model.uv), 2)),
        "uv triangles": (model.uv_triangles, (n_triangles, 3)),
        "albedo": (model.albedo_mean, (n, 3)),
        "albedo basis": (model.albedo_basis, (model.n_albedo, n, 3)),
    }
    for name, (found, wanted) in shapes.items():
        if found.shape != wanted:
            raise ValueError(f"{name} has shape {found.shape}, expected {wanted}")
    if len(model.expression_names) != model.n_expression:
        raise ValueError(f"{len(model.expression_names)} names of {model.n_expression} expressions")
    lists = [("contour", line) for line in (*model.contour, *model.contour33)]
    for name, found, count in (
        ("triangles", model.triangles, n),
        ("region", model.triangle_region, len(model.region_names)),
        ("mirror", model.mirror, n),
        ("uv triangles", model.uv_triangles, len(model.uv)),
        *((name, line, n) for name, line in (*lists, *model.parts.items())),
        *((name, points.triangle, n_triangles) for name, points in model.landmarks.items()),
    ):
        if found.size and not 0 <= found.min() <= found.max() < count:
            raise ValueError(f"{name} runs from {found.min()} to {found.max()} of {count}")
    for name, points in model.landmarks.items():
        if points.barycentric.shape != (*points.triangle.shape, 3) or points.triangle.ndim != 1:
            raise ValueError(f"{name} has weights of shape {points.barycentric.shape}")

"""A head model as the detail layer's networks see it: coefficients to pictures, differentiable.

Points count in mm in the Basel frame, colours 0..255 as they are encoded, places in px of the crop.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from lib.facemodel import FaceModel
from lib.facemodel.points86 import points86
from lib.networks.vggface import CoarseCode, CoarseLayout
from lib.shading.detail_layer.chart import DetailChart
from lib.shading.detail_layer.geometry import to_image
from lib.shading.detail_layer.unwrap import Drawn, composed, draw, on_chart
from lib.training.coarse.face import encoded_albedo
from lib.training.detail_layer.losses import PUBLISHED_OUTLINE, Neighbours, Outline, neighbours

INNER_PARTS = ("right_eye", "left_eye", "nose", "upper_lip", "lower_lip")
FIVE_OF_86 = ((35, 38), (43, 46), (54,), (66,), (70,))  # eyes, nose tip, corners of the mouth


@dataclass(frozen=True)
class DetailFace:
    """Tensors of a head model.

    Args:
        mean: (v, 3).
        identity: (v * 3, k) per sigma.
        expression: (v * 3, k); expressions that photos do not tell are 0.
        albedo_mean: (v, 3).
        albedo: (v * 3, k).
        mark_vertices: (86, 3) corners of each point's triangle.
        mark_weights: (86, 3).
        rim: (v,) bool, vertices that an outline of the face may be of.
        movable: (1, s, s) where the chart may have relief, 0..1.
        face: (1, s, s) the face on the chart, 0..1.
        texel: (n, 2) row and column of each vertex of the dense mesh.
        dense: (t, 3) its triangles.
        chart: of the model.
        beside: neighbours on the dense mesh.
    """

    mean: torch.Tensor
    identity: torch.Tensor
    expression: torch.Tensor
    albedo_mean: torch.Tensor
    albedo: torch.Tensor
    mark_vertices: torch.Tensor
    mark_weights: torch.Tensor
    rim: torch.Tensor
    movable: torch.Tensor
    face: torch.Tensor
    texel: torch.Tensor
    dense: torch.Tensor
    chart: DetailChart
    beside: Neighbours

    @classmethod
    def of_model(cls, model: FaceModel, chart_px: int, device: torch.device) -> DetailFace:
        """The tensors of a model, with a chart of a size, on a device."""
        chart = DetailChart.of_model(model, device, chart_px)
        albedo_mean, albedo = encoded_albedo(model)
        marks = points86(model)
        told = model.free_expressions[:, None, None]

        def tensor(values: np.ndarray) -> torch.Tensor:
            kind = np.float32 if np.issubdtype(values.dtype, np.floating) else np.int64
            return torch.tensor(np.ascontiguousarray(values, kind), device=device)

        def flat(basis: np.ndarray) -> torch.Tensor:
            return tensor(basis.reshape(len(basis), -1).T)

        masks = torch.stack([chart.movable, chart.face], -1)[None]
        drawn = chart.unrolled(masks).unbind(-1)
        origin = chart.origin_mm.cpu().numpy()
        return cls(
            tensor(model.mean + origin),
            flat(model.identity_basis),
            flat(model.expression_basis * told),
            tensor(255 * albedo_mean),
            flat(255 * albedo),
            tensor(model.triangles[marks.triangle]),
            tensor(marks.barycentric),
            torch.tensor(_rim(model), device=device),
            drawn[0].contiguous(),
            drawn[1].contiguous(),
            tensor(chart.dense.texel),
            torch.tensor(chart.dense.triangles, device=device),
            chart,
            neighbours(chart.dense.triangles, len(chart.dense.texel)).to(device),
        )

    @property
    def layout(self) -> CoarseLayout:
        """Of the codes that describe this head."""
        counts = (self.identity, self.expression, self.albedo)
        return CoarseLayout(*(basis.shape[1] for basis in counts))

    def shape(self, code: CoarseCode) -> torch.Tensor:
        """(n, v, 3) mm with expression."""
        moved = code.identity @ self.identity.T + code.expression @ self.expression.T
        return self.mean + moved.view(len(moved), -1, 3)

    def colours(self, code: CoarseCode) -> torch.Tensor:
        """(n, v, 3) albedo, cut to 0..255."""
        moved = (code.albedo @ self.albedo.T).view(len(code.albedo), -1, 3)
        return (self.albedo_mean + moved).clamp(0, 255)

    def marks(self, values: torch.Tensor) -> torch.Tensor:
        """(n, 86, c) vertex values (n, v, c) at the 86 points."""
        return (values[:, self.mark_vertices] * self.mark_weights[..., None]).sum(2)


def _rim(model: FaceModel) -> np.ndarray:
    """(v,) bool: the face but for eyes, nose and lips, whose own outlines are none of the face."""
    inner = np.zeros(model.n_vertices, bool)
    for part in INNER_PARTS:
        inner[model.parts[part]] = True
    inner[model.triangles[inner[model.triangles].any(1)]] = True  # and who is next to them
    face = np.zeros(model.n_vertices, bool)
    face[model.parts["face_mask"]] = True
    return face & ~inner


@dataclass(frozen=True)
class CoarsePicture:
    """What the coarse face of codes looks like over its photos.

    Args:
        points: (n, v, 3) mm, no pose.
        albedo: (n, v, 3).
        drawn: the lit mesh on screen.
        face: (n, h, w) mask of the face, 0..1; carries no gradient.
        compared: (n, h, w) the face without its eyes, likewise.
        composed: (n, h, w, 3) the drawn face before its photo.
        marks: (n, 86, 2) px.
    """

    points: torch.Tensor
    albedo: torch.Tensor
    drawn: Drawn
    face: torch.Tensor
    compared: torch.Tensor
    composed: torch.Tensor
    marks: torch.Tensor


def coarse_picture(face: DetailFace, code: CoarseCode, photo: torch.Tensor) -> CoarsePicture:
    """The face of codes drawn over photos (n, h, w, 3).

    Args:
        face: the head.
        code: of n faces.
        photo: 0..255, h = w.
    """
    chart, side = face.chart, photo.shape[1]
    points, albedo = face.shape(code), face.colours(code)
    drawn = draw(points, albedo, chart.masks, chart.triangles, code.pose, code.light, side)
    shown = drawn.masks.detach().clamp(0, 1)
    inside = shown[..., 0]
    return CoarsePicture(
        points,
        albedo,
        drawn,
        inside,
        inside * shown[..., 1],
        composed(drawn.colour, photo, inside[..., None]),
        to_image(face.marks(drawn.camera), side),
    )


def seen_outline(face: DetailFace, picture: CoarsePicture) -> Outline:
    """The points that the contour of a photo is compared with.

    A vertex of the face, apart from eyes, nose and lips, is of the outline when some but not all
    triangles about it face the camera, and some pixel shows one of them. (A vertex whose triangles
    are partly hidden would say the same, but a pixel is larger than a triangle, so that triangles
    without a pixel are everywhere.)
    """
    triangles, drawn = face.chart.triangles.long(), picture.drawn
    side = picture.composed.shape[1]
    with torch.no_grad():
        one, two, three = (drawn.camera[:, corner, :2] for corner in triangles.unbind(1))
        across, along = two - one, three - one
        towards = (across[..., 0] * along[..., 1] - across[..., 1] * along[..., 0] > 0).float()
        total = towards.new_zeros(drawn.camera.shape[:2])
        for corner in triangles.unbind(1):
            total = total.index_add(1, corner, towards)
        around = torch.bincount(triangles.flatten(), minlength=total.shape[1])
        border = (total > 0) & (total < around) & face.rim
        border &= _shown_vertices(drawn, triangles)
        length = int(border.sum(1).max()) if len(border) else 0
        order = border.float().argsort(dim=1, descending=True, stable=True)[:, :length]
        known = border.gather(1, order)
    places = drawn.camera.gather(1, order[..., None].expand(-1, -1, 3))
    return Outline(
        to_image(face.marks(drawn.camera)[:, :PUBLISHED_OUTLINE], side),
        face.marks(drawn.normals.detach())[:, :PUBLISHED_OUTLINE, 2],
        to_image(places, side),
        known,
    )


def _shown_vertices(drawn: Drawn, triangles: torch.Tensor) -> torch.Tensor:
    """(n, v) bool: vertices of triangles (t, 3) that some pixel shows."""
    ids = drawn.raster.triangle_id.flatten(1).long() + 1  # 0 = none
    shown = torch.zeros(len(ids), len(triangles) + 1, dtype=torch.bool, device=ids.device)
    shown = shown.scatter(1, ids, True)[:, 1:]
    count = torch.zeros(drawn.camera.shape[:2], device=ids.device)
    for corner in triangles.unbind(1):
        count = count.index_add(1, corner, shown.float())
    return count > 0


def chart_difference(face: DetailFace, picture: CoarsePicture, photo: torch.Tensor) -> torch.Tensor:
    """(n, 3, s, s) what the photo has on the chart and the coarse picture lacks, over 127.5."""
    both = torch.cat([photo, picture.composed], -1).clamp(0, 255)
    taken = on_chart(face.chart, both, picture.drawn.camera)
    return ((taken[..., :3] - taken[..., 3:]) / 127.5).permute(0, 3, 1, 2).contiguous()


@dataclass(frozen=True)
class FinePicture:
    """What the face with relief looks like.

    Args:
        points: (n, d, 3) mm, vertices of the dense mesh without pose.
        drawn: the lit mesh on screen.
        composed: (n, h, w, 3) the drawn face before its photo.
    """

    points: torch.Tensor
    drawn: Drawn
    composed: torch.Tensor


def fine_picture(
    face: DetailFace,
    code: CoarseCode,
    picture: CoarsePicture,
    relief: torch.Tensor,
    photo: torch.Tensor,
) -> FinePicture:
    """The coarse face moved along its own z by relief (n, s, s) mm, and drawn over its photo."""
    masks = face.chart.masks.expand(len(relief), -1, -1)
    values = face.chart.unrolled(torch.cat([picture.points, picture.albedo, masks], -1))
    moved = (relief * face.movable)[..., None]
    values = torch.cat([values[..., :2], values[..., 2:3] + moved, values[..., 3:]], -1)
    at = values[:, face.texel[:, 0], face.texel[:, 1]]
    drawn = draw(
        at[..., :3].contiguous(),
        at[..., 3:6],
        at[..., 6:],
        face.dense,
        code.pose,
        code.light,
        photo.shape[1],
    )
    shown = picture.compared * drawn.raster.mask
    return FinePicture(at[..., :3], drawn, composed(drawn.colour, photo, shown[..., None]))


def detached(code: CoarseCode) -> CoarseCode:
    """The code without its history."""
    return replace(code, **{f.name: getattr(code, f.name).detach() for f in fields(code)})


def five_of(points86_px: torch.Tensor) -> torch.Tensor:
    """(n, 5, 2) eye centres, nose tip and mouth corners of the 86 points."""
    return torch.stack([points86_px[:, list(rows)].mean(1) for rows in FIVE_OF_86], 1)

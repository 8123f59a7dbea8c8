"""Relief by the published fine network: coarse head and photo in, displacement over our chart out.

Source: Chen et al. 2020, Self-supervised Learning of Detailed 3D Face Reconstruction, IEEE TIP.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from lib.artefacts import Capture, FaceFit, Regression
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel
from lib.facemodel.cylinder import SIDE
from lib.geometry import project, to_camera, vertex_normals
from lib.geometry.aligned_crop import AlignedCrop
from lib.geometry.coded_camera import DETAIL_LAYER
from lib.geometry.crop_camera import TO_OPENCV
from lib.geometry.orthographic import CROP_PX, landmark_square, square_crop
from lib.geometry.orthographic import pose_matrix as pose_matrix_array
from lib.imaging import linear_to_srgb
from lib.networks.aligned import cut_square
from lib.networks.detail_layer import DetailNetwork, load_detail
from lib.render import Camera, interpolate, sample_image, uv_buffers
from lib.render.plain_light import plain_of_linear
from lib.shading.detail_layer.chart import DetailChart, cylinder_chart
from lib.shading.detail_layer.unwrap import Drawn, composed, draw_places, on_chart, seen_vertices
from lib.uvspace.coded import is_code
from lib.uvspace.grid import Grid, outer_skin
from lib.uvspace.shown import posed_vertices

WHITE = 127.5
FADE = 12.0  # texels of 512 from the border of the face, about 5 mm


@dataclass(frozen=True)
class CoarseView:
    """A fitted view as the networks see it.

    Args:
        crop: the square about the face.
        photo: (300, 300, 3) uint8 sRGB of it.
        places: (V, 3) float32 camera places of the vertices: px about the square's centre, y up.
        normals: (V, 3) float32 unit, x to the picture's right, y up, z to the viewer.
        albedo: (V, 3) float32 sRGB-encoded 0..255.
        light: (27,) float32 published light.
    """

    crop: AlignedCrop
    photo: np.ndarray
    places: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray
    light: np.ndarray


@dataclass(frozen=True)
class Relief:
    """What the fine network says over the unrolled chart, of 512 x 512 texels as published.

    Args:
        difference: (size, size, 3) float32: its input, photo less render over 127.5.
        displacement_mm: (size, size) float32 along the model's z; 0 where nothing may move.
        seen: (size, size) float32 0..1: how far the photo shows it.
        movable: (size, size) float32 0..1: face without eyes, nose and brows.
    """

    difference: np.ndarray
    displacement_mm: np.ndarray
    seen: np.ndarray
    movable: np.ndarray


class DetailLayer:
    """The fine network and the chart of one head model, for many photos.

    The chart has the size that the network's encoder reduces to one texel.

    Args:
        network: in evaluation mode.
        model: the head model.
        device: where to compute.
        chart: of the model on the device; None = make it.
    """

    def __init__(
        self,
        network: DetailNetwork,
        model: FaceModel,
        device: torch.device,
        chart: DetailChart | None = None,
    ):
        self.network, self.model, self.device = network.to(device), model, device
        self.chart = chart or DetailChart.of_model(model, device, network.halvings)
        self._zoom = self.chart.size / SIDE
        self._texel = cylinder_chart(model).texel * np.float32(self._zoom)
        self.region = self.chart.dense.vertex >= 0

    @classmethod
    def load(cls, path: str | Path, model: FaceModel, device: torch.device) -> DetailLayer:
        """With the weights of a file.

        Raises:
            MissingModelError: the file is not there.
            CheckpointError: it holds another network.
        """
        return cls(load_detail(path), model, device)

    def relief(self, view: CoarseView) -> Relief:
        """What the network says of a view."""
        chart = self.chart
        photo = self._tensor(view.photo)
        drawn = self.drawn(view)
        coarse = composed(drawn.colour, photo, drawn.masks[..., :1])
        seen = seen_vertices(drawn, chart.triangles)[..., None].float()
        masks = torch.stack([chart.movable, chart.face], -1)[None]
        flat = chart.unrolled(torch.cat([seen, masks], -1))
        pictures = on_chart(chart, torch.cat([photo, coarse], -1), drawn.camera)
        colours = pictures.clamp(0, 255) / WHITE
        difference = colours[..., :3] - colours[..., 3:]
        with torch.inference_mode():
            moved = self.network(difference.permute(0, 3, 1, 2))[0, 0]
        movable = flat[0, ..., 1] * flat[0, ..., 2]

        def array(values: torch.Tensor) -> np.ndarray:
            return values.cpu().numpy().astype(np.float32)

        return Relief(
            difference=array(difference[0]),
            displacement_mm=array(moved * flat[0, ..., 1]) * self.region,
            seen=array(flat[0, ..., 0]),
            movable=array(movable),
        )

    def drawn(self, view: CoarseView) -> Drawn:
        """The coarse head of a view, drawn as the network's input has it."""
        return draw_places(
            self._tensor(view.places),
            self._tensor(view.normals),
            self._tensor(view.albedo),
            self.chart.masks,
            self.chart.triangles,
            self._tensor(view.light),
        )

    def on_grid(self, relief: Relief, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
        """A relief on the head's own chart: mm along its normals, outwards +, and confidence 0..1.

        The network moves along the model's z. A surface that moves by d along z moves by d n_z
        along its normal n; the rest slides within the surface and is left out. The published mesh
        ends with the face; here the displacement fades out over the last texels.

        Args:
            relief: of one view.
            grid: of the posed head in the model's frame.

        Returns:
            (rows, cols) float32 each; 0 where the network may move nothing.
        """
        skin = outer_skin(self.model) & cylinder_chart(self.model).drawn
        triangles = self.model.triangles[skin]
        buffers = uv_buffers(self.model.uv, self.model.uv_triangles[skin], grid.mask.shape)
        at = buffers.mask & grid.mask
        texel = interpolate(buffers, self._texel, triangles)[at]
        inside = np.pad(self.region.astype(np.uint8), 1)
        fade = cv2.distanceTransform(inside, cv2.DIST_L2, 3)[1:-1, 1:-1] / (FADE * self._zoom)
        maps = np.stack([relief.displacement_mm, relief.movable * relief.seen], -1)
        told = sample_image(maps * np.minimum(fade, 1)[..., None], texel[:, ::-1] - 0.5)
        distance, confidence = np.zeros((2, *grid.mask.shape), np.float32)
        distance[at] = told[:, 0] * grid.normal[at][:, 2]
        confidence[at] = np.clip(told[:, 1], 0, 1)
        return distance, confidence

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        """(1, ...) float32 on the device."""
        return torch.tensor(np.asarray(values, np.float32)[None], device=self.device)


def coarse_view(
    model: FaceModel, capture: Capture, fit: FaceFit, view: int, code: Regression | None = None
) -> CoarseView:
    """A fitted view in the networks' terms.

    Where the fit is the coarse network's code itself, its square, pose and light are the code's,
    to the number. Of any other fit the head is seen by the fit's own camera in the square about its
    landmarks, under the published light that is nearest to the fit's.

    Args:
        model: the fitted head model.
        capture: the photos.
        fit: the fitted face.
        view: which one, fitted.
        code: what a network read, if one was asked.

    Raises:
        CaptureFailure: the fitted face has no square (`fit_failed`).
    """
    vertices = posed_vertices(model, fit, view)
    normals = vertex_normals(vertices.astype(np.float64), model.triangles)
    if is_code(model, fit, code, view, DETAIL_LAYER):
        crop = code.crop(view)
        pose = np.concatenate([code.angles[view], code.translation[view]])
        matrix = pose_matrix_array(pose)
        chart = cylinder_chart(model)
        places = (vertices + chart.origin_mm) @ matrix[:, :3].T + matrix[:, 3]
        rotation = matrix[:, :3] / np.linalg.norm(matrix[0, :3])
        light = code.light[view]
    else:
        crop = _fitted_square(capture, fit, view)
        camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]), fit.centre_px[view])
        places = _places(vertices, camera, crop)
        rotation = TO_OPENCV @ camera.world_to_camera[:, :3]
        light = plain_of_linear(np.nan_to_num(fit.light[view]), rotation.T)
    albedo = model.albedo(fit.albedo if model.n_albedo else None)
    return CoarseView(
        crop=crop,
        photo=cut_square(capture.image[view], crop),
        places=places.astype(np.float32),
        normals=(normals @ rotation.T).astype(np.float32),
        albedo=255 * linear_to_srgb(albedo).astype(np.float32),
        light=np.asarray(light, np.float32),
    )


def _fitted_square(capture: Capture, fit: FaceFit, view: int) -> AlignedCrop:
    try:
        corner, side = landmark_square(fit.landmarks_px[view].astype(np.float64))
    except ValueError as error:
        raise CaptureFailure("fit_failed", f"view {view + 1}: {error}") from error
    return square_crop(capture.image[view].shape[:2], corner, side)


def _places(vertices: np.ndarray, camera: Camera, crop: AlignedCrop) -> np.ndarray:
    """(V, 3) px about the centre of a crop, y up; z nearer is larger, at the crop's scale."""
    seen = crop.to_crop(project(vertices.astype(np.float64), *camera)) + 0.5
    depth = to_camera(vertices.astype(np.float64), camera.world_to_camera)[:, 2]
    middle = float(np.median(depth))
    scale = camera.focal_px / middle * crop.scale
    places = np.column_stack(
        [seen[:, 0] - CROP_PX / 2, CROP_PX / 2 - seen[:, 1], scale * (middle - depth)]
    )
    return np.nan_to_num(places)

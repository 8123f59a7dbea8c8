"""One photo as the UV network is taught by it: its chart, and the crop that renders must match."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from lib.albedo.face_chart import FaceChart
from lib.albedo.prior import Prior, network_input, prior_of, whole_face
from lib.artefacts import FaceFit, Truth
from lib.errors import CaptureFailure
from lib.geometry.aligned_crop import align_face, standard_five
from lib.imaging import linear_to_srgb
from lib.networks.aligned import cut_aligned
from lib.render import Camera, interpolate, render_buffers
from lib.render.encoded_light import encoded_basis
from lib.uvspace.shown import posed_vertices

FEWEST_TEXELS = 0.1  # of the face's texels that a photo must show


@dataclass(frozen=True)
class AlbedoSample:
    """A photo on the face's chart and in its crop; colours are sRGB-encoded bytes.

    Args:
        photo: (s, s, 3) uint8 of the photo on the chart; 0 where it does not show the skin.
        seen: (s, s) uint8 how far it shows it.
        coarse: (s, s, 3) uint8 albedo of the fitted head model; 0 off the face.
        normal: (s, s, 3) float16 unit, model frame.
        gamma: (27,) float32 light on encoded colour, without the ambient part.
        crop: (h, h, 3) uint8 aligned crop of the photo.
        place: (h, h, 2) float32 texture coordinates (u, 1 - v) of each pixel of the crop.
        mask: (h, h) uint8 the face on the crop.
        truth: (s, s, 3) uint8 true albedo.
        known: (s, s) uint8 where it is known.
    """

    photo: np.ndarray
    seen: np.ndarray
    coarse: np.ndarray
    normal: np.ndarray
    gamma: np.ndarray
    crop: np.ndarray
    place: np.ndarray
    mask: np.ndarray
    truth: np.ndarray
    known: np.ndarray

    @property
    def prior(self) -> Prior:
        """What the network is given."""
        photo, coarse = (np.float32(part) / 255 for part in (self.photo, self.coarse))
        seen = np.float32(self.seen) / 255
        return Prior(photo, seen, coarse, self.normal.astype(np.float32), self.gamma)


def sample_of(
    chart: FaceChart,
    fit: FaceFit,
    view: int,
    image: np.ndarray,
    skin: np.ndarray | None,
    crop_px: int,
    truth: Truth | None = None,
) -> AlbedoSample:
    """The sample of a fitted view.

    Args:
        chart: of the fitted head model.
        fit: the fitted head.
        view: which one, fitted.
        image: (h, w, 3) uint8 sRGB working image, or what is left of it without highlights.
        skin: (h, w) uint8 probability of bare skin; None = everywhere.
        crop_px: side of the crop.
        truth: of made-up people.

    Raises:
        CaptureFailure: `not_aligned`, or `no_skin`.
    """
    if skin is not None:
        skin = whole_face(skin, float(fit.interocular_px[view]))
    prior = prior_of(chart, fit, view, image, skin)
    if (prior.seen > 0).sum() < FEWEST_TEXELS * chart.mask.sum():
        raise CaptureFailure("no_skin", f"The photo shows {(prior.seen > 0).sum()} texels of skin.")
    try:
        crop = align_face(standard_five(fit.landmarks_px[view]), image.shape[:2], side=crop_px)
    except ValueError as error:
        raise CaptureFailure("not_aligned", str(error)) from error
    step = float(np.sqrt(np.prod(np.diagonal(crop.matrix[:, :2]))))
    centre = crop.to_crop(np.asarray(fit.centre_px[view], np.float64))
    camera = Camera(fit.world_to_camera[view], float(fit.focal_px[view]) * step, centre)
    place, inside = crop_places(chart, posed_vertices(chart.model, fit, view), camera, crop_px)
    mask = np.where(inside, 255, 0).astype(np.uint8)
    if skin is not None:
        mask = np.minimum(mask, cut_aligned(skin, crop))
    true, known = true_albedo(chart, truth)
    return AlbedoSample(
        photo=_bytes(prior.photo),
        seen=_bytes(prior.seen),
        coarse=_bytes(prior.coarse),
        normal=prior.normal.astype(np.float16),
        gamma=prior.gamma,
        crop=cut_aligned(image, crop),
        place=place,
        mask=mask,
        truth=_bytes(true),
        known=_bytes(known),
    )


def crop_places(
    chart: FaceChart, vertices: np.ndarray, camera: Camera, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates (side, side, 2) of each pixel, and where it shows the face (bool)."""
    model = chart.model
    buffers = render_buffers(vertices, model.triangles, *camera, (side, side))
    uv = interpolate(buffers, chart.uv, chart.uv_triangles)
    face = np.zeros(len(model.triangles), bool)
    face[chart.rows] = True
    inside = buffers.mask & face[buffers.triangle_id]
    place = np.stack([uv[..., 0], 1 - uv[..., 1]], axis=2)
    return np.where(inside[..., None], place, 0.5).astype(np.float32), inside


def true_albedo(chart: FaceChart, truth: Truth | None) -> tuple[np.ndarray, np.ndarray]:
    """Encoded true albedo (s, s, 3), and where it is known (s, s), 0..1."""
    if truth is None or truth.face_model != chart.model.name or not truth.uv_albedo.size:
        return np.zeros((*chart.mask.shape, 3), np.float32), np.zeros(chart.mask.shape, np.float32)
    found = chart.from_head(truth.uv_albedo.astype(np.float32))
    return linear_to_srgb(np.clip(found, 0, 1)), chart.skin.astype(np.float32)


def save_sample(path: Path, sample: AlbedoSample) -> None:
    """Write a sample; a killed process leaves no half of it."""
    part = path.with_name(f".{path.stem}.part.npz")
    np.savez_compressed(part, **{f.name: getattr(sample, f.name) for f in fields(sample)})
    part.replace(path)


def load_sample(path: Path) -> AlbedoSample:
    """Read a sample."""
    with np.load(path, allow_pickle=False) as file:
        return AlbedoSample(**{name: file[name] for name in file.files})


Asked = dict[str, torch.Tensor]


def tensors_of(sample: AlbedoSample, chart: FaceChart, seed: int) -> Asked:
    """A sample as a batch of one: planes (1, c, h, w) float32, places (1, h, h, 2), gamma (1, 27).

    Args:
        sample: of a photo.
        chart: that it lies on.
        seed: of the noise where the photo shows nothing.
    """
    prior = sample.prior
    planes = {
        "input": network_input(prior, chart.mask, seed),
        "photo": prior.photo.transpose(2, 0, 1),
        "seen": prior.seen[None],
        "coarse": prior.coarse.transpose(2, 0, 1),
        "basis": encoded_basis(prior.normal).transpose(2, 0, 1),
        "crop": sample.crop.transpose(2, 0, 1) / 255,
        "mask": sample.mask[None] / 255,
        "truth": sample.truth.transpose(2, 0, 1) / 255,
        "known": sample.known[None] / 255,
        "place": sample.place,
        "gamma": sample.gamma,
        "face": chart.mask[None],
        "skin": chart.skin[None],
        "importance": chart.importance[None],
    }
    return {
        name: torch.from_numpy(np.ascontiguousarray(value, np.float32))[None]
        for name, value in planes.items()
    }


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)

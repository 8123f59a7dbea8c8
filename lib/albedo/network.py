"""The UV network as a method: albedo and detailed light of a face, of one photo.

The network speaks of the face alone, on encoded colour and at the size of its own chart; the rest
of the head is taken apart by the method without weights.

Source: 3DFaceTexture, detail refinement and detailed illumination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lib.albedo.apart import LOCAL_SIDE, Apart
from lib.albedo.chart import HeadChart
from lib.albedo.face_chart import FaceChart, face_chart
from lib.albedo.inverse import take_apart
from lib.albedo.options import AlbedoOptions
from lib.albedo.photo import ChartPhoto
from lib.albedo.prior import HEAD, LEAST, Prior, network_input, whole_face
from lib.errors import ConfigError
from lib.facemodel import FaceModel
from lib.imaging import linear_to_srgb, srgb_to_linear
from lib.networks.uv_albedo import LoadedUVNet, UVNet, load_uvnet
from lib.render import fill_margins
from lib.render.encoded_light import encoded_light, linear_lights_on
from lib.uvspace.shown import ramp

SURE = 0.5  # share of a texel of local light that the face must cover
BORDER = 0.05  # of the chart's side, over which face and head are blended
EYES_APART = 0.45  # outer eye corners, of the chart's side
DARKEST = 0.002  # linear albedo
ORIGIN = "the file that `snakemake --cores all train_albedo` makes (docs/training.md)"


@dataclass(frozen=True)
class UVNetMethod:
    """Takes photos apart by a network.

    Args:
        network: for inference.
        face: the chart that it looks at.
        device: where the network is.
    """

    network: UVNet
    face: FaceChart
    device: torch.device | str = "cpu"

    @classmethod
    def load(
        cls, options: AlbedoOptions, model: FaceModel, device: torch.device | str = "cpu"
    ) -> UVNetMethod:
        """The method with the weights of the settings, on a device.

        Raises:
            ConfigError: none are named, or they are of another chart or head.
            MissingModelError: a file is not there.
        """
        if not options.weights:
            raise ConfigError(
                f"albedo.method is {options.method}, but albedo.weights is empty. Name {ORIGIN}, "
                "or set albedo.method: inverse."
            )
        told = load_uvnet(options.weights)
        _check(told, options, model)
        return cls(told.network.to(device), face_chart(model, told.side, options.chart), device)

    def __call__(self, chart: HeadChart, photos: Sequence[ChartPhoto]) -> tuple[Apart, ...]:
        """One for each photo."""
        rest = take_apart(chart, photos)
        return tuple(self._one(chart, *pair) for pair in zip(photos, rest, strict=True))

    def _one(self, chart: HeadChart, photo: ChartPhoto, rest: Apart) -> Apart:
        prior = self.prior(photo)
        albedo, light = self.maps(prior)
        size = chart.size[0]
        share = self._share(size)
        told = (share * chart.outer).astype(np.float32)
        other = ((1 - share) * rest.weight)[..., None]
        fine = np.maximum(srgb_to_linear(self.face.to_head(albedo, size)), DARKEST)
        mean = told[..., None] * np.log(fine) + other * np.log(np.maximum(rest.rgb, DARKEST))
        rgb = np.exp(mean / np.maximum(told[..., None] + other, 1e-6)).astype(np.float32)
        rgb *= (told + rest.weight > 0)[..., None]
        local = self._local(prior, albedo, light, rest)
        return Apart(rgb, rest.weight, rest.light, local, told)

    def prior(self, photo: ChartPhoto) -> Prior:
        """What the network is given of a photo on the head's chart."""
        mask = self.face.mask[..., None]
        planes = [photo.weight[..., None], photo.skin[..., None], photo.normal]
        found = self.face.from_head(np.concatenate([photo.rgb, photo.albedo, *planes], axis=2))
        rgb, coarse, weight, bare, normal = np.split(found, [3, 6, 7, 8], axis=2)
        skin = np.rint(255 * np.clip(bare[..., 0], 0, 1)).astype(np.uint8)
        face = whole_face(skin, EYES_APART * self.face.side) / np.float32(255)  # with its lips
        seen = weight[..., 0] * face
        seen = seen * (seen > LEAST)
        shown = linear_to_srgb(np.clip(rgb / np.maximum(weight, LEAST), 0, 1))
        length = np.linalg.norm(normal, axis=2, keepdims=True)
        return Prior(
            photo=np.maximum(shown, 1 / 255) * (seen > 0)[..., None],
            seen=seen,
            coarse=linear_to_srgb(np.clip(coarse, 0, 1)) * mask,
            normal=normal / np.maximum(length, 1e-9),
            gamma=encoded_light(photo.light, HEAD),
        )

    def maps(self, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
        """Encoded albedo (s, s, 3) and light (s, s, 27) that the network tells."""
        planes = torch.from_numpy(network_input(prior, self.face.mask))[None]
        with torch.no_grad():
            found = self.network(planes.to(self.device))
        albedo, light = (part[0].permute(1, 2, 0).cpu().numpy() for part in found)
        return np.ascontiguousarray(albedo), np.ascontiguousarray(light)

    def _share(self, size: int) -> np.ndarray:
        """(size, size) float32: 1 in the face, 0 off it, smooth between; holes belong to it."""
        mask = self.face.head_mask(size).astype(np.uint8)
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
        inside = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        return ramp(inside, 1, BORDER * size).astype(np.float32)

    def _local(
        self, prior: Prior, albedo: np.ndarray, light: np.ndarray, rest: Apart
    ) -> np.ndarray:
        """(LOCAL_SIDE, LOCAL_SIDE, 9, 3) what is added to the light of the rest of the head."""
        side = self.face.side
        full = linear_lights_on(
            albedo.reshape(-1, 3), light.reshape(-1, 27), prior.normal.reshape(-1, 3)
        )
        wide = self.face.to_head(full.reshape(side, side, 27), 4 * LOCAL_SIDE)
        inside = self.face.head_mask(4 * LOCAL_SIDE).astype(np.float32)
        small = (LOCAL_SIDE, LOCAL_SIDE)
        known = cv2.resize(inside, small, interpolation=cv2.INTER_AREA)[..., None]
        planes = [
            cv2.resize(np.ascontiguousarray(wide[..., k]), small, interpolation=cv2.INTER_AREA)
            for k in range(wide.shape[2])
        ]
        mean = np.stack(planes, axis=2) / np.maximum(known, 1e-3)
        found = fill_margins(mean, known[..., 0] > SURE).reshape(
            *small, 9, 3
        )  # into eyes and mouth
        share = self._share(LOCAL_SIDE)[..., None, None]
        return (share * (found - rest.light) + (1 - share) * rest.local).astype(np.float32)


def _check(told: LoadedUVNet, options: AlbedoOptions, model: FaceModel) -> None:
    wanted = "published" if options.chart else "face"
    if told.chart != wanted:
        raise ConfigError(
            f"albedo.weights {options.weights} are of chart '{told.chart}', but albedo.chart is "
            f"'{options.chart}': weights of the published chart need its file BFM_UV.mat there, "
            "others need it empty."
        )
    if told.face_model and told.face_model != model.name:
        raise ConfigError(
            f"albedo.weights {options.weights} were trained with head model '{told.face_model}', "
            f"face_model is '{model.name}'. Take its weights, or train: snakemake train_albedo."
        )

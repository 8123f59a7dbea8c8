"""Cameras from the lens to the bytes: exposure, blur, noise, tone, sharpening, compression."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from lib.imaging import linear_to_srgb, luminance
from lib.imaging.exif import upright
from lib.synthesis.cameras.view import View

Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]

BRIGHTEST = 4.0  # linear value at which the tone curve's table ends
N_TABLE = 4096
LIGHT_SKIN_ALBEDO, LIGHT_SKIN_LEVEL = 0.36, 0.36  # a photo of light skin has about its albedo
KEEPS_TONE = 0.62  # 0: all faces equally bright; 1: exposure knows nothing of the face
SMALL_PX = 256  # height of the pictures that most of the ranges below are for
PHONE_CROP = 3.0  # sensors with a larger crop factor are phones'
TURNED = {1: 0.72, 6: 0.12, 8: 0.09, 3: 0.07}  # EXIF orientation: share of photos
STORED_AS = {1: 1, 3: 3, 6: 8, 8: 6}  # the turn that undoes each one


@dataclass(frozen=True)
class Developed:
    """A photo as bytes, and what a reader sees in them.

    Args:
        image: (h, w, 3) uint8 sRGB, decoded from the bytes and turned upright.
        jpeg: the file without metadata; turned as `orientation` says.
        exposure: (3,) factor from the scene's linear light to the photo's before its tone curve.
        orientation: EXIF orientation that turns the stored pixels upright.
    """

    image: np.ndarray
    jpeg: bytes
    exposure: np.ndarray
    orientation: int


@dataclass(frozen=True)
class Sensor:
    """A camera with the settings of one photo; the defaults change nothing but clip and quantise.

    Args:
        exposure_ev: error of the automatic exposure.
        white_balance: (3,) gains that are left of the light's colour; luminance of white kept.
        vignetting: loss of light in the corners, 0..1.
        blur_px: sigma of lens and sensor.
        motion_px: length of the shake.
        motion_deg: its direction in the picture, from right to down.
        shot_noise: standard deviation at linear 1; it grows as the square root of light.
        read_noise: standard deviation in the dark.
        grain_px: sigma over which neighbours share noise, as demosaicking leaves it.
        grey_noise: share of the noise's variance that all channels have in common, since cameras
            smooth colour more than brightness.
        black_level: stray light, linear.
        knee: linear value from which highlights are pressed; 1 = they clip.
        contrast: of an S-shaped curve over encoded values, 0..0.9.
        gamma: exponent over encoded values.
        saturation: of encoded values.
        sharpening: strength of an unsharp mask.
        sharpening_px: its sigma.
        jpeg_quality: 1..95.
        subsampling: of chroma.
        orientation: EXIF orientation, 1, 3, 6 or 8: how the sensor was held.
    """

    exposure_ev: float = 0.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    vignetting: float = 0.0
    blur_px: float = 0.0
    motion_px: float = 0.0
    motion_deg: float = 0.0
    shot_noise: float = 0.0
    read_noise: float = 0.0
    grain_px: float = 0.0
    grey_noise: float = 0.0
    black_level: float = 0.0
    knee: float = 1.0
    contrast: float = 0.0
    gamma: float = 1.0
    saturation: float = 1.0
    sharpening: float = 0.0
    sharpening_px: float = 1.0
    jpeg_quality: int = 95
    subsampling: Subsampling = "4:4:4"
    orientation: int = 1

    @property
    def exposure(self) -> np.ndarray:
        """(3,) factor per channel from scene light to photo light, in the picture's middle."""
        return (2.0**self.exposure_ev * np.array(self.white_balance)).astype(np.float32)

    def expose(self, linear: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        """(h, w, 3) float32: light on the sensor with its noise, before any tone curve.

        Args:
            linear: (h, w, 3) scene light; 1 = white at automatic exposure.
            chance: source of the noise.
        """
        light = np.asarray(linear, np.float32) * self.exposure
        if self.blur_px > 0:
            light = cv2.GaussianBlur(light, (0, 0), self.blur_px)
        if self.motion_px > 0.5:
            kernel = motion_kernel(self.motion_px, self.motion_deg)
            light = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REFLECT)
        if self.vignetting > 0:
            light *= _falloff(light.shape[:2], self.vignetting)[..., None]
        if self.shot_noise > 0 or self.read_noise > 0:
            light += self._noise(light, chance)
        return light * np.float32(1 - self.black_level) + np.float32(self.black_level)

    def develop(self, linear: np.ndarray, chance: np.random.Generator) -> Developed:
        """The photo of a scene.

        Args:
            linear: (h, w, 3) scene light; 1 = white at automatic exposure.
            chance: source of the noise.
        """
        encoded = self._toned(self.expose(linear, chance))
        if self.saturation != 1:
            grey = luminance(encoded)[..., None]
            encoded = grey + np.float32(self.saturation) * (encoded - grey)
        if self.sharpening > 0:
            soft = cv2.GaussianBlur(encoded, (0, 0), self.sharpening_px)
            encoded += np.float32(self.sharpening) * (encoded - soft)
        pixels = np.rint(np.clip(encoded, 0, 1) * 255).astype(np.uint8)
        data, image = coded(pixels, self.jpeg_quality, self.subsampling, self.orientation)
        return Developed(image, data, self.exposure, self.orientation)

    def tone_curve(self, light: np.ndarray) -> np.ndarray:
        """(...) encoded value 0..1 of linear light; never falls."""
        light = np.clip(light, 0, BRIGHTEST)
        room = max(1 - self.knee, 1e-6)
        over = np.maximum(light - self.knee, 0)
        pressed = np.minimum(light, self.knee) + room * (1 - np.exp(-over / room))
        value = linear_to_srgb(pressed) ** self.gamma
        return value + self.contrast * value * (1 - value) * (2 * value - 1)

    def _toned(self, light: np.ndarray) -> np.ndarray:
        """The tone curve by a table, finer where it is dark."""
        steps = np.arange(N_TABLE, dtype=np.float64) / (N_TABLE - 1)
        table = self.tone_curve(BRIGHTEST * steps**2).astype(np.float32)
        place = np.sqrt(np.clip(light, 0, BRIGHTEST) * np.float32(1 / BRIGHTEST))
        return table[(place * np.float32(N_TABLE - 1) + np.float32(0.5)).astype(np.int32)]

    def _noise(self, light: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        grain = chance.standard_normal(light.shape, np.float32)
        if self.grey_noise > 0:
            common = chance.standard_normal((*light.shape[:2], 1), np.float32)
            grain *= np.float32(np.sqrt(1 - self.grey_noise))
            grain += np.float32(np.sqrt(self.grey_noise)) * common
        if self.grain_px > 0:
            kernel = cv2.getGaussianKernel(7, self.grain_px, cv2.CV_32F)
            grain = cv2.sepFilter2D(grain, -1, kernel, kernel) / np.float32((kernel**2).sum())
        variance = np.float32(self.shot_noise**2) * np.maximum(light, 0)
        return grain * np.sqrt(variance + np.float32(self.read_noise**2))


def draw_sensor(chance: np.random.Generator, view: View, studio: bool = False) -> Sensor:
    """A camera's character and the luck of one photo.

    Args:
        chance: source of random numbers.
        view: its lens says whether it is a phone; its size is the picture's.
        studio: a calibrated rig, whose photos are linear up to the sRGB curve.
    """
    size = view.size[0] / SMALL_PX
    if studio:
        return Sensor(
            exposure_ev=float(np.clip(chance.normal(0, 0.08), -0.2, 0.2)),
            blur_px=chance.uniform(0.3, 0.6),
            shot_noise=chance.uniform(0.003, 0.008),
            read_noise=chance.uniform(0.0005, 0.001),
            knee=0.92,
        )
    phone = view.focal35_mm / view.focal_mm > PHONE_CROP
    dim = np.exp(chance.uniform(np.log(0.003), np.log(0.024 if phone else 0.013)))
    soft = chance.exponential(0.5) if chance.random() < 0.3 else 0.0
    shaken = chance.exponential(1.2) if chance.random() < 0.15 else 0.0
    return Sensor(
        exposure_ev=float(np.clip(chance.normal(0, 0.25), -0.5, 0.5)),
        white_balance=_white_balance(chance),
        vignetting=float(chance.beta(1.2, 5) * (0.6 if phone else 1.0)),
        blur_px=float(chance.uniform(0.3, 0.7) + min(soft, 1.6) * size),
        motion_px=float(min(shaken, 4.0) * size),
        motion_deg=float(chance.uniform(0, 180)),
        shot_noise=float(dim),
        read_noise=float(dim * chance.uniform(0.08, 0.25)),
        grain_px=float(chance.uniform(0.3, 0.8)),
        grey_noise=float(chance.uniform(0.2, 0.85)),
        black_level=float(chance.exponential(0.003)),
        knee=float(chance.uniform(0.55, 0.9)),
        contrast=float(chance.uniform(0.0, 0.55)),
        gamma=float(np.exp(chance.normal(-0.02, 0.06))),
        saturation=float(np.exp(chance.normal(0.04, 0.12))),
        sharpening=float(chance.uniform(0.1, 0.8) if phone else chance.uniform(0, 0.4)),
        sharpening_px=float(chance.uniform(0.6, 1.2)),
        jpeg_quality=int(chance.integers(62, 96)),
        subsampling=str(chance.choice(["4:2:0", "4:2:2", "4:4:4"], p=[0.65, 0.1, 0.25])),
        orientation=int(chance.choice(list(TURNED), p=list(TURNED.values()))),
    )


def auto_exposure(linear: np.ndarray, mask: np.ndarray, albedo: float = LIGHT_SKIN_ALBEDO) -> float:
    """Factor on the scene's light that a camera which minds the face would choose.

    Darker skin stays darker, yet less than its albedo says, as cameras meter.

    Args:
        linear: (h, w, 3) scene light.
        mask: (h, w) bool, the face.
        albedo: luminance of the face's mean albedo.

    Raises:
        ValueError: the mask is empty or dark.
    """
    mean = float(np.mean(luminance(linear[mask].astype(np.float64)))) if mask.any() else 0.0
    if not mean > 0:
        raise ValueError(
            f"the face has {int(mask.sum())} px of mean luminance {mean:g}; exposure needs some "
            "light on it. Give the mask of a lit face."
        )
    return LIGHT_SKIN_LEVEL * (albedo / LIGHT_SKIN_ALBEDO) ** KEEPS_TONE / mean


def coded(
    pixels: np.ndarray, quality: int, subsampling: Subsampling, orientation: int = 1
) -> tuple[bytes, np.ndarray]:
    """JPEG bytes, and the upright pixels that a reader decodes from them.

    Args:
        pixels: (h, w, 3) uint8 sRGB, upright.
        quality: 1..95.
        subsampling: of chroma.
        orientation: the bytes hold the pixels turned so that this EXIF orientation undoes it.
    """
    buffer = io.BytesIO()
    stored = upright(pixels, STORED_AS[orientation])
    Image.fromarray(stored).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(buffer) as picture:
        decoded = np.asarray(picture.convert("RGB"))
    return buffer.getvalue(), upright(decoded, orientation)


def motion_kernel(length_px: float, angle_deg: float) -> np.ndarray:
    """(k, k) float32 of sum 1: a straight line through the middle, smooth at its border."""
    half = int(np.ceil(length_px / 2)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    angle = np.radians(angle_deg)
    along = np.abs(x * np.cos(angle) + y * np.sin(angle))
    across = np.abs(y * np.cos(angle) - x * np.sin(angle))
    line = np.clip(length_px / 2 + 0.5 - along, 0, 1) * np.clip(1 - across, 0, 1)
    return (line / line.sum()).astype(np.float32)


def _falloff(size: tuple[int, int], strength: float) -> np.ndarray:
    """(h, w) share of light: 1 in the middle, 1 - strength in the corners."""
    height, width = size
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(height)
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(width)
    return 1 - np.float32(strength) * (x**2 + y**2) / np.float32(height**2 + width**2)


def _white_balance(chance: np.random.Generator) -> tuple[float, float, float]:
    """Gains from warm to cool and a little from green to magenta."""
    warmth, tint = chance.normal(0.02, 0.055), chance.normal(0, 0.018)
    gains = np.exp(warmth * np.array([1.0, 0.0, -1.2]) + tint * np.array([0.5, -1.0, 0.5]))
    gains /= luminance(gains)
    return tuple(float(gain) for gain in gains)

"""Relief of one photo by our network: what it sees of the chart, and what it says about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch

from lib.artefacts import Capture, FaceFit, SkinMask
from lib.facemodel import FaceModel
from lib.geometry.strain import squeeze
from lib.networks.shaded_relief import N_PLANES, ShadedRelief, load_shaded_relief
from lib.render import interpolate, irradiance, uv_buffers
from lib.uvspace.bands import blur_mm
from lib.uvspace.grid import outer_skin
from lib.uvspace.heads import resized
from lib.uvspace.shown import posed_vertices, ramp
from lib.uvspace.unwrap import ChartFields, UnwrappedFace, chart_fields, unwrap_face

WORK_PX = 512  # the chart's size at which it was trained, whatever size is asked for
USUAL_TEXEL_MM, USUAL_PIXEL_MM = 0.58, 0.5
LEARNT_PIXEL_MM = (0.4, 2.0)  # of photos that it learnt from
BLUNT_MM = (2.0, 4.0)  # pixels from which relief fades, as nothing was learnt about it
COARSE_MM = 15.0  # what is wider than this in the light of the photo is the fit's
TONE, COLOUR = 0.2, 0.1  # usual size of log brightness and log colour about the average
USUAL_SQUEEZE = 0.1  # share of length lost
TILT = 0.05  # slope by which the answer of the light is asked
LEAST_LIGHT = 0.05  # of the brightest; darker skin tells nothing
CLIPPED = (0.90, 0.98)  # linear, from where on a photo has no more light to tell
KNOWN = (0.02, 0.3)  # trust from which relief is that of the place
BORDER_MM, END_MM = 3.0, 5.0  # beyond it: how smooth relief is, how far it goes on
USUAL_SLOPE = 0.08  # deviation of a slope at which confidence is one half
MOST_MM, LEAST_MM = 3.0, 1e-4  # of relief
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
TONE_PLANE, COLOUR_PLANES, LIGHT_PLANES, TRUST_PLANE = 0, (1, 2), (3, 4), 5  # as the network has
SQUEEZE_PLANES = (11, 12, 13)  # along columns, along rows, and their product


class LearnedRelief(NamedTuple):
    """What the network says; (rows, cols) float32 each.

    Which part of the wrinkles the expression makes is not taken from it: on made-up people whose
    wrinkles are known, the strain of the skin (`lib.shading.wrinkles`) told it better.

    Args:
        distance_mm: along the normal of the base, outwards +.
        wrinkles_mm: of it, without the smooth correction of the base.
        confidence: 0..1.
    """

    distance_mm: np.ndarray
    wrinkles_mm: np.ndarray
    confidence: np.ndarray

    @property
    def wrinkles_share(self) -> np.ndarray:
        """(rows, cols) float32 0..1: share of the distance that is wrinkles."""
        size = np.maximum(np.abs(self.distance_mm), LEAST_MM)
        return np.clip(self.wrinkles_mm * np.sign(self.distance_mm) / size, 0, 1)


@dataclass(frozen=True)
class LearnedMethod:
    """The network with what it needs of a head model, loaded once for many photos.

    Args:
        model: the head model of the fits.
        network: of `load_shaded_relief`.
        fields: of the model at `WORK_PX`.
        device: where the network is evaluated.
    """

    model: FaceModel
    network: ShadedRelief
    fields: ChartFields
    device: torch.device | str

    @classmethod
    def load(cls, weights: str, model: FaceModel, device: torch.device | str) -> LearnedMethod:
        """The method with a file of weights.

        Raises:
            MissingModelError: the file is not there.
            CheckpointError: it holds something else.
        """
        network = load_shaded_relief(weights).to(device)
        return cls(model, network, chart_fields(model, WORK_PX), device)

    def relief(
        self, capture: Capture, skin: SkinMask, fit: FaceFit, view: int, mask: np.ndarray
    ) -> LearnedRelief:
        """Relief over the fitted head of a view.

        Args:
            capture: tells the original photo.
            skin: where it shows bare skin.
            fit: pose, expression, camera and light.
            view: row of capture and fit.
            mask: (rows, cols) bool: the chart that is wanted, of any size.

        Raises:
            CaptureFailure: `original_missing`.
        """
        face = unwrap_face(self.model, capture, fit, skin, view, WORK_PX, self.fields)
        posed = posed_vertices(self.model, fit, view)
        squeezed = squeeze_on_chart(self.model, fit.vertices, posed, WORK_PX)
        return learned_relief(face, squeezed, self.network, self.device, mask)


def learned_relief(
    face: UnwrappedFace,
    squeezed: np.ndarray,
    network: ShadedRelief,
    device: torch.device | str,
    mask: np.ndarray | None = None,
) -> LearnedRelief:
    """Relief over the base of a photo, as the network reads it.

    Args:
        face: the photo on the chart.
        squeezed: (rows, cols, 3) of `squeeze_on_chart`, of any size.
        network: of `load_shaded_relief`.
        device: where it is evaluated.
        mask: (rows, cols) bool: the chart that is wanted; None = the face's own.
    """
    mask = face.mask if mask is None else mask
    small = reduced(face, WORK_PX)
    size = small.mask.shape[0]
    squeezed = cv2.resize(squeezed, (size, size), interpolation=cv2.INTER_AREA)
    planes = network_planes(small, squeezed)
    resting, driven, middle, log_slope = _read(network, planes, device)
    parts = np.stack([resting + driven + middle, resting + driven], axis=2)
    sharp = 1 - ramp(small.pixel_mm, *BLUNT_MM)
    parts = np.clip(parts, -MOST_MM, MOST_MM) * sharp[..., None]
    relief = carried_on(parts, small.trust, small.texel_mm)
    slope = np.exp(log_slope)
    confidence = small.trust * sharp * USUAL_SLOPE**2 / (USUAL_SLOPE**2 + slope**2)
    every = np.dstack([relief * small.mask[..., None], confidence]).astype(np.float32)
    if mask.shape != small.mask.shape:
        every = resized(every, small.mask, mask.shape[0]) * mask[..., None]
    distance, wrinkles, confidence = np.moveaxis(every, 2, 0)
    return LearnedRelief(distance, wrinkles, np.clip(confidence, 0, 1))


def carried_on(height: np.ndarray, trust: np.ndarray, texel_mm: np.ndarray) -> np.ndarray:
    """(rows, cols, C) float32 mm: relief where it is known, and beyond it its smooth end.

    Were it to end where it is known, it would have a step there that no photo shows.

    Args:
        height: (rows, cols, C) mm.
        trust: (rows, cols) 0..1: how well it is known.
        texel_mm: (rows, cols).
    """
    around = blur_mm(height, trust, texel_mm, BORDER_MM)
    near = blur_mm((trust > 0).astype(np.float32), np.ones_like(trust), texel_mm, END_MM)
    own = ramp(trust, *KNOWN)[..., None]
    end = (1 - own) * ramp(near, 0.0, 0.4)[..., None]
    return (own * height + end * around).astype(np.float32)


def squeeze_on_chart(
    model: FaceModel, neutral: np.ndarray, posed: np.ndarray, uv_size: int
) -> np.ndarray:
    """(uv_size, uv_size, 3) float32: how much an expression squeezes the skin, on the chart.

    Shares of length lost along the columns and along the rows, and the mixed term of both, by unit
    tangents of the neutral face; negative where the skin is stretched, 0 off the chart.

    Args:
        model: the head model.
        neutral: (n_vertices, 3) mm.
        posed: (n_vertices, 3) mm.
        uv_size: texels along each side.
    """
    skin = outer_skin(model)
    buffers = uv_buffers(model.uv, model.uv_triangles[skin], (uv_size, uv_size))
    triangles = model.triangles[skin]
    tensor = squeeze(neutral, posed, model.triangles).reshape(-1, 9)
    tensor = interpolate(buffers, tensor, triangles).reshape(uv_size, uv_size, 3, 3)
    corner = neutral[triangles].astype(np.float64)
    at = model.uv[model.uv_triangles[skin]].astype(np.float64)
    edges, steps = corner[:, 1:] - corner[:, :1], at[:, 1:] - at[:, :1]
    flat = np.abs(np.linalg.det(steps)) < 1e-12
    steps[flat] = np.eye(2)
    tangents = np.linalg.solve(steps, edges)  # (t, 2, 3) mm per unit of u and of v
    tangents[flat] = 0
    tangents[:, 1] *= -1  # rows run down
    length = np.linalg.norm(tangents, axis=2, keepdims=True)
    tangents = (tangents / np.maximum(length, 1e-9)).astype(np.float32)
    number = np.clip(buffers.triangle_id, 0, None)
    across, down = tangents[number, 0], tangents[number, 1]
    pairs = ((across, across), (down, down), (across, down))
    found = [np.einsum("rci,rcij,rcj->rc", a, tensor, b) for a, b in pairs]
    return np.stack(found, axis=2).astype(np.float32) * buffers.mask[..., None]


def network_planes(face: UnwrappedFace, squeezed: np.ndarray) -> np.ndarray:
    """(N_PLANES, rows, cols) float32: what the network sees, each about 1 in size.

    Light of the photo over that of the fitted head, as brightness and as colour; how the fitted
    light answers to slopes along columns and rows; trust, beard and lips; sizes of texels and of
    the photo's pixels; squeeze; how straight the skin is seen; how bright it should be; and what
    the photo cannot tell because it is white.

    Args:
        face: the photo on the chart.
        squeezed: (rows, cols, 3) of `squeeze_on_chart`.
    """
    trust = face.trust
    known = trust > 0
    light = _light(face, face.normal)
    brightest = float(np.percentile(light[known], 95)) if known.any() else 1.0
    light = np.maximum(light, LEAST_LIGHT * brightest)
    tone, red, blue = np.moveaxis(_residual(face, trust), 2, 0)
    across, down = (np.linalg.norm(step, axis=2) for step in (face.across, face.down))
    facing = (face.normal * face.to_camera).sum(axis=2)
    planes = [
        np.tanh(tone / (4 * TONE)) * 4,
        np.tanh(red / (4 * COLOUR)) * 4,
        np.tanh(blue / (4 * COLOUR)) * 4,
        *light_answer(face, LEAST_LIGHT * brightest),
        trust,
        face.beard,
        face.lips,
        np.log(np.maximum(across, 0.05) / USUAL_TEXEL_MM),
        np.log(np.maximum(down, 0.05) / USUAL_TEXEL_MM),
        np.log(np.clip(face.pixel_mm, *LEARNT_PIXEL_MM) / USUAL_PIXEL_MM),
        *np.moveaxis(np.clip(squeezed / USUAL_SQUEEZE, -4, 4), 2, 0),
        facing,
        np.log(light / brightest),
        ramp(face.rgb.max(axis=2), *CLIPPED),
        face.weight,
    ]
    result = np.stack([np.where(known, plane, 0) for plane in planes]).astype(np.float32)
    if len(result) != N_PLANES:
        raise AssertionError(f"{len(result)} planes")
    return result


def light_answer(face: UnwrappedFace, least: float) -> tuple[np.ndarray, np.ndarray]:
    """(rows, cols) each: change of log brightness per slope of relief along columns and rows.

    Args:
        face: the photo on the chart.
        least: brightness below which it counts as this bright.
    """
    result = []
    units = [
        step / np.maximum(np.linalg.norm(step, axis=2, keepdims=True), 1e-6)
        for step in (face.across, face.down)
    ]
    for one, other in (units, units[::-1]):
        # the gradient of a relief that rises along `one` alone
        gradient = one - (one * other).sum(axis=2, keepdims=True) * other
        rise = (gradient * one).sum(axis=2, keepdims=True)
        gradient = gradient / np.maximum(rise, 0.2)
        lit = []
        for sign in (-TILT, TILT):
            tilted = face.normal - sign * gradient
            tilted /= np.maximum(np.linalg.norm(tilted, axis=2, keepdims=True), 1e-6)
            lit.append(np.log(np.maximum(_light(face, tilted), least)))
        result.append((lit[1] - lit[0]) / (2 * TILT))
    return result[0], result[1]


def _light(face: UnwrappedFace, normal: np.ndarray) -> np.ndarray:
    """(rows, cols) brightness of white skin with these normals (rows, cols, 3)."""
    return irradiance(normal, face.light) @ LUMINANCE


def _residual(face: UnwrappedFace, trust: np.ndarray) -> np.ndarray:
    """(rows, cols, 3) log brightness and two log colours of photo over fit, about their average."""
    expected = irradiance(face.normal, face.light) * np.maximum(face.albedo, 0.01)
    lit = expected[trust > 0.5]
    least = LEAST_LIGHT * float(np.percentile(lit, 95)) if len(lit) else 1e-3
    ratio = np.log(np.maximum(face.rgb, 2e-3)) - np.log(np.maximum(expected, least))
    red, green, blue = np.moveaxis(ratio, 2, 0)
    planes = np.stack([ratio @ LUMINANCE, red - green, blue - green], axis=2).astype(np.float32)
    return planes - blur_mm(planes, trust, face.texel_mm, COARSE_MM)


def reduced(face: UnwrappedFace, size: int) -> UnwrappedFace:
    """The face on a chart of at most `size` texels a side; colours are those that were seen."""
    side = face.mask.shape[0]
    if side <= size:
        return face

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.resize(values.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)

    def unit(values: np.ndarray) -> np.ndarray:
        values = mean(values)
        return values / np.maximum(np.linalg.norm(values, axis=2, keepdims=True), 1e-9)

    step = side / size
    seen, on = mean(face.weight > 0), mean(face.mask)
    mask = on > 0.5
    inside = mask[..., None] / np.maximum(on, 1e-6)[..., None]
    known = (seen > 0.5) & mask
    place = cv2.resize(face.place_px, (size, size), interpolation=cv2.INTER_NEAREST)
    return replace(
        face,
        position=mean(face.position) * inside,
        normal=unit(face.normal) * mask[..., None],
        mask=mask,
        across=mean(face.across) * np.float32(step),
        down=mean(face.down) * np.float32(step),
        rgb=mean(face.rgb) / np.maximum(seen, 1e-6)[..., None] * known[..., None],
        weight=mean(face.weight) * known,
        skin=mean(face.skin),
        bare=mean(face.bare),
        beard=mean(face.beard),
        lips=mean(face.lips),
        to_camera=unit(face.to_camera),
        pixel_mm=mean(face.pixel_mm) * inside[..., 0],
        place_px=place,
        albedo=mean(face.albedo),
    )


@torch.inference_mode()
def _read(
    network: ShadedRelief, planes: np.ndarray, device: torch.device | str
) -> tuple[np.ndarray, ...]:
    """Resting, driven and middle heights and log slopes (rows, cols); 0 where nothing is known."""
    rows, cols = planes.shape[1:]
    found = np.zeros((4, rows, cols), np.float32)
    used = np.argwhere(planes[TRUST_PLANE] > 0)
    if len(used):
        unit = network.multiple
        top, left = used.min(axis=0) // unit * unit
        bottom, right = -(-(used.max(axis=0) + 1) // unit) * unit
        window = slice(top, min(bottom, rows)), slice(left, min(right, cols))
        part = planes[:, *window]
        pad = [(0, 0), (0, bottom - top - part.shape[1]), (0, right - left - part.shape[2])]
        batch = torch.from_numpy(np.pad(part, pad))[None].to(device)
        told = torch.stack(network.to(device)(batch))[:, 0].cpu().numpy()
        found[:, *window] = told[:, : part.shape[1], : part.shape[2]]
    return tuple(found)

"""Synthetic photos as the shading network meets them: fitted by the line, with true relief."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from lib.artefacts import BatchReader, Capture, FaceFit, Truth, digest
from lib.detection import DetectionOptions, find_faces, load_detector
from lib.errors import CaptureFailure
from lib.facemodel import FaceModel, load_face_model
from lib.fitting import FitOptions, Subject, fit_faces
from lib.geometry.align import align_points
from lib.imaging import save_png
from lib.landmarks import LandmarkOptions, find_landmarks, load_landmarker
from lib.log import progress
from lib.render import sample_texture
from lib.shading.learned import WORK_PX, network_planes, squeeze_on_chart
from lib.skin import SkinOptions, mask_skin
from lib.training.store import Source
from lib.uvspace.bands import blur_mm
from lib.uvspace.shown import posed_vertices
from lib.uvspace.unwrap import ChartFields, UnwrappedFace, chart_fields, unwrap_face

log = logging.getLogger(__name__)

MIDDLE_BAND_MM = (2.5, 10.0)  # of the base's error: the network's grid holds it, light tells it
FAR_MM = 8.0  # the photo shows another place than the base has there
BORDER_TEXELS = 12  # kept around the skin


@dataclass(frozen=True)
class ReliefSample:
    """The part of a chart that a photo shows; (rows, cols) float32, mm.

    Args:
        planes: (N_PLANES, rows, cols) of `network_planes`.
        resting: true relief of the resting face.
        driven: what the expression adds to it.
        middle: smooth error of the fitted base, of the band `MIDDLE_BAND_MM`.
        weight: 0..1; 0 = the photo does not show it, or nobody knows.
        texel_mm: (2, rows, cols) to the next column and to the next row.
    """

    planes: np.ndarray
    resting: np.ndarray
    driven: np.ndarray
    middle: np.ndarray
    weight: np.ndarray
    texel_mm: np.ndarray

    @property
    def height(self) -> np.ndarray:
        """(rows, cols) all together."""
        return self.resting + self.driven + self.middle


class PhotoLine:
    """The stages of the line up to the fit, with their defaults, for one photo after another.

    Args:
        model: the head model to fit.
        landmark_models: folder of the landmark networks.
    """

    def __init__(self, model: FaceModel, landmark_models: Path):
        self.model = model
        self._detector = load_detector(DetectionOptions(), landmark_models)
        self._landmarker = load_landmarker(LandmarkOptions(), landmark_models, model)

    def fit(self, name: str, image: np.ndarray, path: Path) -> tuple[Subject, FaceFit]:
        """What the line finds in a photo, with an unknown camera.

        Args:
            name: of the capture.
            image: (h, w, 3) uint8 sRGB.
            path: file of the very same photo.

        Raises:
            CaptureFailure: some stage gave up.
        """
        height, width = image.shape[:2]
        capture = Capture(
            subject=name,
            path=[str(path)],
            sha256=[digest(path)],
            image=[image],
            original_size=[[height, width]],
            working_to_original=[[1, 1]],
            focal_px=[np.nan],
            focal_source=["none"],
            centre_px=[[(width - 1) / 2, (height - 1) / 2]],
            world_to_camera=np.full((1, 3, 4), np.nan),
            length_unit="mm",
            distortion=np.zeros((1, 8)),
            mask=[np.zeros((0, 0))],
            view=["00"],
        )
        face = find_faces(name, capture, self._detector, DetectionOptions())[0][1]
        landmarks = find_landmarks(capture, face, self._landmarker)
        skin = mask_skin(self.model, capture, face, landmarks, SkinOptions())
        subject = Subject(name, capture, face, landmarks, skin)
        fit = fit_faces(self.model, [subject], FitOptions())[name]
        if isinstance(fit, CaptureFailure):
            raise fit
        return subject, fit


class SampleMaker:
    """Makes samples of truths of one head model.

    Args:
        model: the head model to fit.
        landmark_models: folder of the landmark networks.
        uv_size: texels along each side of the chart.
    """

    def __init__(self, model: FaceModel, landmark_models: Path, uv_size: int = WORK_PX):
        self._line = PhotoLine(model, landmark_models)
        self._uv_size = uv_size
        self._fields: ChartFields = chart_fields(model, uv_size)

    def make(self, truth: Truth) -> ReliefSample:
        """The sample of a single photo.

        Raises:
            CaptureFailure: the line finds no face, or `no_skin`.
        """
        model = self._line.model
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photo.png"
            save_png(path, truth.image[0])
            subject, fit = self._line.fit("photo", truth.image[0], path)
            face = unwrap_face(
                model, subject.capture, fit, subject.skin, 0, self._uv_size, self._fields
            )
        posed = posed_vertices(model, fit, 0)
        squeezed = squeeze_on_chart(model, fit.vertices, posed, self._uv_size)
        return windowed(sample_of(face, squeezed, truth))


def sample_of(face: UnwrappedFace, squeezed: np.ndarray, truth: Truth) -> ReliefSample:
    """What a photo shows of a fitted head, beside the truth at the very pixels; the whole chart.

    Args:
        face: the photo on the chart; its working image is the truth's.
        squeezed: (rows, cols, 3) of `squeeze_on_chart`.
        truth: of a single photo.

    Raises:
        CaptureFailure: `no_skin`, the photo shows none.
    """
    uv = _at_pixels(truth.uv[0], face.place_px)
    points = _true_points(truth, face.place_px)
    known = (face.trust > 0.05) & np.isfinite(uv).all(axis=2) & np.isfinite(points).all(axis=2)
    if known.sum() < 500:
        raise CaptureFailure("no_skin", f"The photo shows {known.sum()} texels of bare skin.")
    scale, rotation, shift = align_points(points[known], face.position[known], face.trust[known])
    away = (scale * points @ rotation.T + shift).astype(np.float32) - face.position
    known &= np.linalg.norm(np.nan_to_num(away), axis=2) < FAR_MM
    away[~known] = 0
    weight = (face.trust * known).astype(np.float32)
    fine, coarse = (
        blur_mm((away * face.normal).sum(axis=2), weight, face.texel_mm, width)
        for width in MIDDLE_BAND_MM
    )
    moment, resting = _true_relief(truth, face, uv, known)
    return ReliefSample(
        network_planes(face, squeezed),
        *(np.float32(scale) * plane for plane in (resting, moment - resting)),
        (fine - coarse) * known,
        weight,
        np.stack([np.linalg.norm(step, axis=2) for step in (face.across, face.down)]),
    )


def windowed(sample: ReliefSample) -> ReliefSample:
    """The rows and columns around all that counts."""
    used = np.argwhere(sample.weight > 0)
    low = np.maximum(used.min(axis=0) - BORDER_TEXELS, 0)
    high = used.max(axis=0) + BORDER_TEXELS + 1
    window = slice(low[0], high[0]), slice(low[1], high[1])
    return ReliefSample(**{f.name: getattr(sample, f.name)[..., *window] for f in fields(sample)})


def _true_points(truth: Truth, place: np.ndarray) -> np.ndarray:
    """(rows, cols, 3) mm in the camera's frame: what a photo shows at (rows, cols, 2) px."""
    depth = np.where(np.isfinite(truth.depth_mm[0]), truth.depth_mm[0], np.nan)
    depth = _at_pixels(depth[..., None], place)
    ray = (place - truth.centre_px[0]) / truth.focal_px[0]
    return np.concatenate([ray, np.ones_like(depth)], axis=2) * depth


def _true_relief(
    truth: Truth, face: UnwrappedFace, uv: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, cols) each: relief of the moment and of the resting face, no finer than pixels."""
    maps = np.stack([truth.uv_displacement_mm, truth.uv_resting_mm], axis=2).astype(np.float32)
    found = np.zeros((*known.shape, 2), np.float32)
    found[known] = sample_texture(maps, uv[known])
    width = 0.5 * np.maximum(face.pixel_mm, 1e-3)
    smooth = blur_mm(found, known.astype(np.float32), face.texel_mm, width) * known[..., None]
    return smooth[..., 0], smooth[..., 1]


def _at_pixels(image: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(rows, cols, C) bilinear values of an image (h, w, C); NaN beside NaN and off the picture."""
    x, y = (np.nan_to_num(place[..., k], nan=-10).astype(np.float32) for k in (0, 1))
    planes = [
        cv2.remap(
            np.ascontiguousarray(image[..., k], np.float32), x, y, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan,
        )
        for k in range(image.shape[2])
    ]  # fmt: skip
    return np.stack(planes, axis=2)


def save_sample(path: Path, sample: ReliefSample) -> None:
    """Write a sample in half precision."""
    part = path.with_name(f".{path.stem}.part.npz")
    np.savez(part, **{name: v.astype(np.float16) for name, v in asdict(sample).items()})
    part.replace(path)


def load_sample(path: Path) -> ReliefSample:
    """Read a sample."""
    with np.load(path, allow_pickle=False) as file:
        return ReliefSample(**{name: file[name].astype(np.float32) for name in file.files})


def prepare_photos(
    sources: Sequence[Source],
    folder: Path,
    model: str,
    landmark_models: Path,
    share: tuple[int, int] = (0, 1),
) -> tuple[Path, ...]:
    """Files of the samples, made where they are missing; an empty file = the line gave up.

    Args:
        sources: the photos, of shards.
        folder: where the files go.
        model: file of the face model; empty = the one that each truth names.
        landmark_models: folder of the landmark networks.
        share: rank and number of processes; each makes its part.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = tuple(folder / f"{source.name}.npz" for source in sources)
    makers: dict[str, SampleMaker] = {}
    for index in progress(range(share[0], len(files), share[1]), "fitting photos"):
        if files[index].is_file():
            continue
        source = sources[index]
        with BatchReader(source.origin, Truth) as reader:
            truth = reader[source.name.removeprefix(f"{source.subject}.")]
        key = model or truth.face_model
        if key not in makers:
            makers[key] = SampleMaker(load_face_model(key), landmark_models)
        try:
            save_sample(files[index], makers[key].make(truth))
        except CaptureFailure as failure:
            log.info("%s: %s, left out (%s)", source.name, failure.outcome, failure.reason)
            files[index].touch()
    return files

"""Detection and landmark accuracy on real photos: `python -m tests.benchmarks.landmarks`.

Needs VISAGRAPH_DATA (photos with marked points) and resources/landmark_models. NME is the mean
distance over all marked points, divided by the distance of the outer eye corners (36, 45); for
`aflw2000`, whose profiles have hardly any such distance, also by the side of the points' box.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lib.detection import Detection, DetectionOptions, Detector, load_detector
from lib.errors import CaptureFailure, VisagraphError
from lib.facemodel import load_face_model
from lib.landmarks import FaceSeen, Landmarker, LandmarkOptions, load_landmarker

MODELS = Path("resources/landmark_models")
MARKED = ("pts", "aflw2000", "london", "celebahq51")


@dataclass(frozen=True)
class Photo:
    """A photo with its marked points (n, 2), NaN = not marked."""

    name: str
    image: np.ndarray
    points: np.ndarray


def photos(folder: Path) -> Iterator[Photo]:
    """Photos of a folder that have a JSON file with points."""
    for path in sorted(folder.glob("*.json")):
        image = next(
            (path.with_suffix(s) for s in (".jpg", ".png") if path.with_suffix(s).exists()), None
        )
        content = json.loads(path.read_text())
        if image is None or "points" not in content:
            continue
        rows = [[np.nan, np.nan] if p is None else p[:2] for p in content["points"]]
        pixels = np.ascontiguousarray(np.asarray(Image.open(image).convert("RGB")))
        yield Photo(path.stem, pixels, np.array(rows, float))


def nme(found: np.ndarray, marked: np.ndarray, rows: slice, by_box: bool = False) -> float:
    """Normalised mean error of (68, 2) points, in percent."""
    scale = np.linalg.norm(marked[36] - marked[45])
    if by_box:
        scale = np.sqrt(np.prod(np.nanmax(marked, 0) - np.nanmin(marked, 0)))
    return float(100 * np.nanmean(np.linalg.norm(found[rows] - marked[rows], axis=1)) / scale)


def face_at(faces: list[Detection], point: np.ndarray) -> Detection | None:
    """The detected face that holds a point."""
    hits = [f for f in faces if (f.box_px[:2] <= point).all() and (point <= f.box_px[2:]).all()]
    return min(
        hits, key=lambda f: np.linalg.norm((f.box_px[:2] + f.box_px[2:]) / 2 - point), default=None
    )


def score_landmarks(data: Path, detector: Detector, landmarker: Landmarker, label: str) -> None:
    """One line per set of photos with 68 marked points."""
    for name in MARKED:
        rows, milliseconds, missed = [], [], []
        for photo in photos(data / name):
            centre = np.nanmean(photo.points[17:68], 0)
            start = time.perf_counter()
            face = face_at(detector.detect(photo.image), centre)
            if face is None:
                missed.append(photo.name)
                continue
            seen = FaceSeen(photo.name, face.box_px, face.points_px, face.roll_rad)
            try:
                points = landmarker.find(photo.image, seen).ibug68_px
            except CaptureFailure:
                missed.append(photo.name)
                continue
            milliseconds.append(1000 * (time.perf_counter() - start))
            everything, inner = slice(0, 68), slice(17, 68)
            row = [nme(points, photo.points, part) for part in (everything, inner)]
            rows.append([*row, nme(points, photo.points, everything, by_box=True)])
        mean, median = np.mean(rows, 0), np.median(rows, 0)
        print(
            f"{label:14s} {name:11s} {len(rows):2d} found  NME all {mean[0]:5.2f} % (median "
            f"{median[0]:5.2f})  inner51 {mean[1]:5.2f} %  by box {mean[2]:5.2f} %  "
            f"{np.mean(milliseconds):4.0f} ms  missed: {', '.join(missed) or 'none'}"
        )


def rotated(photo: Photo, degrees: float) -> Photo:
    """The whole photo turned about its middle."""
    height, width = photo.image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    side = int(np.hypot(height, width))
    matrix[:, 2] += (np.array([side, side]) - [width, height]) / 2
    image = cv2.warpAffine(photo.image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return Photo(photo.name, image, photo.points @ matrix[:, :2].T + matrix[:, 2])


def pasted(photo: Photo, eyes_px: float) -> Photo:
    """The photo reduced to an eye distance and pasted into a grey picture of 1000 px."""
    scale = eyes_px / np.linalg.norm(photo.points[1] - photo.points[0])
    small = cv2.resize(photo.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((1000, 1000, 3), 128, np.uint8)
    x, y = 350, 420
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small[: 1000 - y, : 1000 - x]
    return Photo(photo.name, canvas, (photo.points + 0.5) * scale - 0.5 + [x, y])


def noisy(photo: Photo) -> Photo:
    """Gaussian noise of 40 grey levels."""
    noise = np.random.default_rng(0).normal(0, 40, photo.image.shape)
    image = np.clip(photo.image + noise, 0, 255).astype(np.uint8)
    return Photo(photo.name, image, photo.points)


def cropped(photo: Photo) -> Photo:
    """Cut tightly about the five points."""
    low, high = photo.points.min(0), photo.points.max(0)
    margin = 0.45 * (high - low).max()
    low = np.maximum(low - margin, 0).astype(int)
    high = (high + margin).astype(int)
    return Photo(photo.name, photo.image[low[1] : high[1], low[0] : high[0]], photo.points - low)


CHANGES: dict[str, Callable[[Photo], Photo]] = {
    "as it is": lambda photo: photo,
    "turned 45": lambda photo: rotated(photo, 45),
    "turned 90": lambda photo: rotated(photo, 90),
    "turned 180": lambda photo: rotated(photo, 180),
    "eyes 20 px": lambda photo: pasted(photo, 20),
    "eyes 12 px": lambda photo: pasted(photo, 12),
    "light x 0.2": lambda photo: Photo(
        photo.name, (photo.image * 0.2).astype(np.uint8), photo.points
    ),
    "noise 40": noisy,
    "tight crop": cropped,
}


def score_stress(data: Path, detector: Detector, label: str) -> None:
    """Found faces of `deep3d_5pt` under changes; error of five points by the eye distance."""
    originals = list(photos(data / "deep3d_5pt"))
    for change, apply in CHANGES.items():
        errors, milliseconds, missed, false = [], [], [], 0
        for photo in map(apply, originals):
            start = time.perf_counter()
            faces = detector.detect(photo.image)
            milliseconds.append(1000 * (time.perf_counter() - start))
            face = face_at(faces, photo.points.mean(0))
            false += len(faces) - (face is not None)
            if face is None:
                missed.append(photo.name)
                continue
            eyes = np.linalg.norm(photo.points[1] - photo.points[0])
            errors.append(np.linalg.norm(face.points_px - photo.points, axis=1).mean() / eyes)
        print(
            f"{label:8s} {change:12s} {len(errors):2d}/25 found, {false} others, five points "
            f"{100 * np.mean(errors) if errors else np.nan:5.2f} %, "
            f"{np.mean(milliseconds):4.0f} ms (max {max(milliseconds):4.0f})  "
            f"missed: {', '.join(missed) or 'none'}"
        )


def score_groups(data: Path, detector: Detector, label: str) -> None:
    """Faces found among those boxed by hand in `dlib_voc`."""
    content = json.loads((data / "dlib_voc/faces.json").read_text())["images"]
    found = total = others = 0
    for name, faces in content.items():
        image = np.asarray(Image.open(data / "dlib_voc" / name).convert("RGB"))
        seen = detector.detect(np.ascontiguousarray(image))
        tops = np.array([face["box"] for face in faces], float)
        centres = tops[:, 1::-1] + tops[:, 2:] / 2
        hits = [face_at(seen, centre) is not None for centre in centres]
        found, total = found + sum(hits), total + len(hits)
        others += len(seen) - sum(hits)
    print(f"{label:8s} dlib_voc     {found}/{total} faces found, {others} without a box by hand")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detectors", nargs="*", default=["blaze", "dlib", "haar"])
    parser.add_argument("--accept-dlib-licence", action="store_true")
    arguments = parser.parse_args()
    data = Path(os.environ["VISAGRAPH_DATA"]) / "photos"
    every = load_detector(DetectionOptions(faces="all"), MODELS)
    model = load_face_model("makehuman")
    for method in ("blaze", "dlib"):
        options = LandmarkOptions(method, accept_dlib_licence=arguments.accept_dlib_licence)
        try:
            landmarker = load_landmarker(options, MODELS, model)
        except VisagraphError as error:
            print(f"{method}: left out: {str(error).splitlines()[0]}")
            continue
        score_landmarks(data, every, landmarker, method)
    for method in arguments.detectors:
        largest = load_detector(DetectionOptions(method), MODELS)
        score_stress(data, largest, method)
        score_groups(data, load_detector(DetectionOptions(method, "all"), MODELS), method)


if __name__ == "__main__":
    main()

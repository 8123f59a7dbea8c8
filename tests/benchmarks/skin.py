"""How well the skin mask agrees with hand-drawn ones: `python -m tests.benchmarks.skin`.

Needs VISAGRAPH_DATA (`photos/london`, `photos/celebamask`) and the landmark models. Ears and neck
are left out of the score: one data set has them as skin, the other has no label for them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import cv2
import numpy as np

from lib.captures import ImportOptions, import_capture
from lib.detection import DetectionOptions, find_faces, load_detector
from lib.facemodel import load_face_model
from lib.imaging import read_photo, save_png
from lib.landmarks import LandmarkOptions, find_landmarks, load_landmarker
from lib.planning import Sample
from lib.skin import SkinOptions, mask_skin

METHODS = ("published", "refined")
SKIN, NOSE, NOT_FACE = 1, 2, (8, 9, 17)  # labels of CelebAMask-HQ


class Chain:
    """Import, detection, landmarks and skin mask of single photos."""

    def __init__(self, models: str, options: SkinOptions | None = None):
        self.model = load_face_model("makehuman")
        self.detection = DetectionOptions()
        self.detector = load_detector(self.detection, models)
        self.landmarker = load_landmarker(LandmarkOptions(), models, self.model)
        self.options = options or SkinOptions()

    def prepare(self, path: Path):
        sample = Sample(path.stem, "00", str(path), path.stem, "", 0, 0)
        capture = import_capture([sample], ImportOptions())
        faces = find_faces(path.stem, capture, self.detector, self.detection)[0][1]
        return capture, faces, find_landmarks(capture, faces, self.landmarker)

    def probability(self, prepared, method: str) -> np.ndarray:
        """(h, w) 0..1 on the working image."""
        options = SkinOptions(method=method)
        return mask_skin(self.model, *prepared, options).probability[0] / 255.0


def london_truth(photo: Path) -> tuple[np.ndarray, np.ndarray]:
    """Skin inside the face's outline, and where that is known: not at ears and neck."""
    skin = read_photo(photo.with_name(photo.stem + "_skinmask.png")).pixels[..., 0] > 127
    rows, columns = np.nonzero(skin)
    hull = cv2.convexHull(np.column_stack([columns, rows]).astype(np.int32))
    outline = cv2.fillConvexPoly(np.zeros(skin.shape, np.uint8), hull, 1)
    reach = 2 * round(0.1 * np.sqrt(outline.sum())) + 1
    ring = cv2.dilate(outline, np.ones((reach, reach), np.uint8)) > outline
    ring[round(0.6 * rows.min() + 0.4 * rows.max()) :] = False
    return skin, (outline > 0) | ring


def celeba_truth(photo: Path, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Skin and nose labels, and where they count: everywhere but ears and neck."""
    labels = read_photo(photo.with_name(photo.stem + "_labels.png")).pixels[..., 0]
    labels = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST)
    return np.isin(labels, (SKIN, NOSE)), ~np.isin(labels, NOT_FACE)


def score(probability: np.ndarray, truth: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Intersection over union at one half, and area under the ROC curve."""
    found, wanted = probability[known], truth[known]
    overlap = (found > 0.5) & wanted
    either = (found > 0.5) | wanted
    order = np.unique(found, return_inverse=True)[1]
    positive, negative = np.bincount(order[wanted]), np.bincount(order[~wanted])
    length = max(len(positive), len(negative))
    positive = np.pad(positive, (0, length - len(positive)))
    negative = np.pad(negative, (0, length - len(negative)))
    below = np.cumsum(negative) - negative / 2
    area = (positive @ below) / (positive.sum() * negative.sum())
    return overlap.sum() / either.sum(), float(area)


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the skin mask against hand-drawn masks.")
    parser.add_argument("--models", default="resources/landmark_models", help="network files")
    parser.add_argument("--pictures", help="folder for masked photos; default: none")
    arguments = parser.parse_args()
    photos = Path(os.environ["VISAGRAPH_DATA"]) / "photos"
    chain = Chain(arguments.models)
    cases = [*sorted(photos.glob("london/*_neutral.jpg")), *sorted(photos.glob("celebamask/*.jpg"))]
    table = {method: [] for method in METHODS}
    print(f"{'photo':22} " + " ".join(f"{m + ' IoU':>14} {'AUC':>6}" for m in METHODS))
    for path in cases:
        prepared = chain.prepare(path)
        image = prepared[0].image[0]
        london = path.parent.name == "london"
        truth, known = london_truth(path) if london else celeba_truth(path, image.shape[:2])
        cells = []
        for method in METHODS:
            probability = chain.probability(prepared, method)
            table[method].append(score(probability, truth, known))
            cells.append("{:14.3f} {:6.3f}".format(*table[method][-1]))
            if arguments.pictures and method == "refined":
                shown = np.round(image * (0.2 + 0.8 * probability[..., None])).astype(np.uint8)
                wrong = np.where(known[..., None], image, image // 3)
                wrong[(probability > 0.5) & ~truth & known] = (255, 0, 0)
                wrong[(probability <= 0.5) & truth & known] = (0, 0, 255)
                save_png(Path(arguments.pictures) / f"{path.stem}.png", np.hstack([shown, wrong]))
        print(f"{path.stem:22} " + " ".join(cells))
    means = [np.mean(table[method], axis=0) for method in METHODS]
    print(f"{'mean':22} " + " ".join("{:14.3f} {:6.3f}".format(*mean) for mean in means))


if __name__ == "__main__":
    main()

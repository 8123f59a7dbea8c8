"""A batch of a run on made-up eggs, for training the UV network without fitting anything."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.artefacts import BatchWriter, Capture, FaceFit, Faces, Highlights, SkinMask
from lib.facemodel import write_face_model
from tests.coded import ibug68_around
from tests.synthetic_head import synthetic_case, synthetic_model

FIVE = np.array([[78.0, 100], [122, 100], [100, 120], [82, 145], [118, 145]])


def egg(seed):
    """Capture, faces, skin and fit of one photo with colours of its own."""
    case = synthetic_case(synthetic_model())
    rng = np.random.default_rng(seed)
    height, width = case.capture.image[0].shape[:2]
    row, column = np.mgrid[:height, :width] / 40
    waves = np.sin(
        row[..., None] * rng.uniform(0.5, 2, 3) + column[..., None] + rng.uniform(0, 6, 3)
    )
    image = np.clip(rng.uniform(100, 180, 3) + 40 * waves, 0, 255).astype(np.uint8)
    name = f"person_{seed}"
    light = np.zeros((1, 9, 3), np.float32)
    light[:, 0], light[:, 2] = 2.5, rng.uniform(0, 1)
    marks = ibug68_around(FIVE)[None].astype(np.float32)
    return (
        replace(case.capture, image=(image,), subject=name),
        replace(case.faces, photo=name, subject=name),
        case.skin,
        replace(case.fit, light=light, landmarks_px=marks),
    )


def write_batch(folder: Path, count: int = 4, highlights: bool = False) -> tuple[Path, Path]:
    """A batch folder and the file of its head model."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {"capture": Capture, "faces": Faces, "skin": SkinMask, "fit": FaceFit}
    for place, (stage, kind) in enumerate(kinds.items()):
        with BatchWriter(folder / f"{stage}.h5", kind, stage) as writer:
            for seed in range(count):
                writer.add(f"person_{seed}", egg(seed)[place])
    if highlights:
        with BatchWriter(folder / "highlights.h5", Highlights, "highlights") as writer:
            for seed in range(count):
                writer.add(f"person_{seed}", _darker(egg(seed)[0]))
    model = folder / "egg.h5"
    write_face_model(model, synthetic_model())
    return folder, model


def _darker(capture):
    image = capture.image[0]
    return Highlights(
        method="none",
        probability=[np.zeros(image.shape[:2], np.uint8)],
        diffuse=[image // 2],
        illuminant=np.ones((1, 3)),
        illuminant_sigma=[0.1],
        illuminant_source=["setting"],
    )

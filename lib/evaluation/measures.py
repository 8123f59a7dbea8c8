"""What each number is: its unit, whether less is better, and its definition in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lib.facemodel import PARTS
from lib.metrics import SKIN_CLASSES

Aspect = Literal["shape", "camera", "landmarks", "parts", "skin", "highlights", "sigma"]

FIT, MEAN_FACE, AVERAGE_PERSON, UNTOUCHED = "fit", "mean_face", "average_person", "untouched"
SURFACE = "surface"
WHO: Mapping[str, str] = {  # in the order of the tables
    FIT: "fitted head",
    SURFACE: "measured surface",
    AVERAGE_PERSON: "average person",
    MEAN_FACE: "mean face",
    UNTOUCHED: "untouched photo",
}
ALIGNMENTS = {
    "known": "placed by the known cameras",
    "rigid": "turned and shifted to fit best",
    "similarity": "turned, shifted and scaled to fit best",
}


@dataclass(frozen=True)
class Measure:
    """One kind of number.

    Args:
        aspect: heading below which it stands.
        unit: of its values.
        words: its definition.
        best: `low`, `high`, or the value that is ideal.
    """

    aspect: Aspect
    unit: str
    words: str
    best: str = "low"


def slug_of(skin_class: str) -> str:
    """A skin class as part of a measure's name."""
    return skin_class.replace(" ", "_")


def _surface() -> dict[str, Measure]:
    result = {}
    for name, placed in ALIGNMENTS.items():
        to = f"of points spread evenly over the true face to the head, {placed}"
        entries = {
            "median": Measure("shape", "mm", f"Median distance {to}."),
            "mean": Measure("shape", "mm", f"Mean distance {to}."),
            "p90": Measure("shape", "mm", f"90th percentile of the distance {to}."),
            "reverse": Measure("shape", "mm", f"Mean distance of the head to the truth, {placed}."),
            "within_02": Measure("shape", "%", f"Share within 0.2 mm {to}.", "high"),
            "within_05": Measure("shape", "%", f"Share within 0.5 mm {to}.", "high"),
            "within_10": Measure("shape", "%", f"Share within 1 mm {to}.", "high"),
            "missing": Measure("shape", "%", f"Share farther than 5 mm {to}."),
            "normals": Measure(
                "shape", "degrees", f"Mean angle between true normals and the head's, {placed}."
            ),
            "detail": Measure(
                "shape",
                "mm",
                "Root mean square of the error along the normal without what is wider than a "
                f"Gaussian of 5 mm; the head {placed}.",
            ),
            "bias": Measure(
                "shape",
                "mm",
                f"Median of the signed error along the normal, positive = outside; {placed}.",
                "0",
            ),
        }
        result |= {f"{name}.{key}": entry for key, entry in entries.items()}
    return result


def _protocols() -> dict[str, Measure]:
    now = (
        "of vertices of the true face in NoW's disc to the head after its similarity; without "
        "expression where the truth has such a head"
    )
    regions = "after a similarity of 7 landmarks and rigid steps of the region, in the way of REALY"
    cylinder = "cylinder map around the head, in the way of FaceScape"
    head = "after landmarks and a similarity on the face, in the way of H3DS"
    return {
        "now.median": Measure("shape", "mm", f"Median distance {now}."),
        "now.mean": Measure("shape", "mm", f"Mean distance {now}."),
        "now.std": Measure("shape", "mm", f"Standard deviation of the distance {now}."),
        **{
            f"now.pooled_{name}": Measure(
                "shape", "mm", f"The same, {name} over all distances of all images: as published."
            )
            for name in ("median", "mean", "std")
        },
        **{
            f"region.{name}": Measure("shape", "mm", f"Mean distance of the true {name} {regions}.")
            for name in ("nose", "mouth", "forehead", "cheek")
        },
        "region.mean": Measure("shape", "mm", "Mean of the four regions."),
        "cylinder.chamfer": Measure("shape", "mm", f"Mean distance both ways on a {cylinder}."),
        "cylinder.normals": Measure("shape", "degrees", f"Mean angle of normals on a {cylinder}."),
        "cylinder.complete": Measure("shape", "%", f"Share covered of a {cylinder}.", "high"),
        "head.face": Measure("shape", "mm", f"Mean distance within 95 mm of the nose tip {head}."),
        "head.all": Measure("shape", "mm", f"Mean distance of all true vertices {head}."),
    }


def _landmarks() -> dict[str, Measure]:
    nme = (
        "mean distance of the 68 points that are seen to the true ones, over the distance of the "
        "outer eye corners (of a view from the side: over the root of the area of the points' box)"
    )
    return {
        "landmarks.measured": Measure("landmarks", "%", f"Of the detector: {nme}."),
        "landmarks.fitted": Measure("landmarks", "%", f"Of the head: {nme}."),
        **{
            f"landmarks.{kind}_auc": Measure(
                "landmarks",
                "%",
                f"{whose}: area under the cumulative curve of that error up to 8 %, over all "
                "views; views of captures that failed count as larger.",
                "high",
            )
            for kind, whose in (("measured", "Of the detector"), ("fitted", "Of the head"))
        },
        "camera.rotation": Measure("camera", "degrees", "Angle between found and true rotation."),
        "camera.focal": Measure("camera", "%", "Size of the relative error of the focal length."),
    }


def _parts() -> dict[str, Measure]:
    return {
        "parts.mean": Measure(
            "parts",
            "%",
            "Mean intersection over union of the eight parts of the face, head drawn by its "
            "camera; hair, glasses, hands and hats do not count.",
            "high",
        ),
        **{
            f"parts.{name}": Measure(
                "parts", "%", f"Intersection over union of the {name.replace('_', ' ')}.", "high"
            )
            for name in PARTS
        },
    }


def _skin() -> dict[str, Measure]:
    albedo = "on smooth facial skin that the photo saw"
    kinds = {
        "albedo": "the head's own albedo",
        "recovered": "the albedo that was told apart from light",
        "lit_texture": "the texture, which still holds the photo's light",
    }
    return {
        "skin.mask": Measure(
            "skin",
            "%",
            "Intersection over union of the skin mask with true skin of face and nose; lips, "
            "brows, ears and neck do not count.",
            "high",
        ),
        **{
            f"{kind}.{key}": Measure("skin", unit, f"{words}: {what} {albedo}.", best)
            for kind, words in kinds.items()
            for key, unit, what, best in (
                ("ita_error", "degrees", "size of the error of the typology angle", "low"),
                ("ita_bias", "degrees", "typology angle minus the true one; > 0 = too light", "0"),
                ("psnr", "dB", "peak signal-to-noise ratio to the true albedo in sRGB", "high"),
            )
        },
        **{
            f"{kind}.ita_bias.{slug_of(name)}": Measure(
                "skin", "degrees", f"{words}: the same bias of faces whose skin is {name}.", "0"
            )
            for kind, words in kinds.items()
            for name, _ in SKIN_CLASSES
        },
        "albedo.total": Measure(
            "skin", "degrees", "Mean ITA error over skin classes plus its standard deviation."
        ),
    }


def _highlights() -> dict[str, Measure]:
    return {
        "removal.psnr": Measure(
            "highlights", "dB", "Of the picture without highlights, where there is a face.", "high"
        ),
        "removal.ssim": Measure("highlights", "1", "Structural similarity, likewise.", "high"),
        "removal.highlight_psnr": Measure(
            "highlights", "dB", "The same where the true photo has a highlight.", "high"
        ),
        "removal.highlight_ssim": Measure(
            "highlights", "1", "Structural similarity, likewise.", "high"
        ),
        "mask.ber": Measure("highlights", "%", "Balanced error rate of the highlight mask."),
        "mask.accuracy": Measure("highlights", "%", "Share of pixels that are right.", "high"),
    }


def _sigma() -> dict[str, Measure]:
    return {
        f"sigma.within_{level}": Measure(
            "sigma",
            "%",
            f"Share of vertices of the neutral face whose error along the normal, after a rigid "
            f"alignment, lies inside the {level} % interval of the fit's own sigma.",
            str(level),
        )
        for level in (50, 80, 95)
    }


_TABLES = (_surface, _protocols, _landmarks, _parts, _skin, _highlights, _sigma)
MEASURES: Mapping[str, Measure] = {
    name: measure for table in _TABLES for name, measure in table().items()
}

"""Which stages, settings and weights make a head, told without the paths of one machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from lib.planning.models import needs_weights

LANDMARK_MODELS = Path("resources/landmark_models")
DETECTOR, MESH = "face_detection_short_range.tflite", "face_landmark.tflite"
# Networks that a method brings itself: (section, method) -> their files.
OWN_FILES = {
    ("detection", "blaze"): (DETECTOR, MESH),
    ("detection", "mtcnn"): ("pnet.pt", "rnet.pt", "onet.pt"),
    ("landmarks", "blaze"): (MESH,),
    ("landmarks", "dlib"): ("shape_predictor_68_face_landmarks.dat",),
}
# What ships with the project, below its folder, and is read where `weights` is empty.
SHIPPED = {("highlights", "learned"): "lib/highlights/data/highlights.pt"}
# Files of others that a method needs beside `weights`: (section, method) -> setting.
OTHER_FILES = {
    ("detection", "onnx"): "onnx_file",
    ("albedo", "face_texture"): "chart",
    ("displacement", "pix2pixhd"): "template",
}
OUTSIDE = re.compile(r"(?<![^\s'\"=,(])(?:~|\.\.(?=/)|/(?=[^\s/]))[^\s'\",)]*")

Stage = dict[str, Any]


def head_stages(settings: Mapping[str, Any], many_views: bool) -> list[Stage]:
    """The stages that make a head, in the order of the line, as plain data for a rule's parameter.

    Args:
        settings: all of them.
        many_views: of a batch with a capture of several views, else of single photos.

    Returns:
        of each: `artefact` as in `lib.artefacts.ARTEFACTS` or `export`; `settings`, section by
        section, without folders of one machine; `weights`, paths of the networks that take part.
    """
    return [
        {
            "artefact": artefact,
            "settings": {section: plain(settings[section]) for section in sections},
            "weights": [file for section in sections for file in _weights(settings, section)],
        }
        for artefact, sections in _line(settings, many_views)
    ]


def stages_of(
    settings: Mapping[str, Any], many_views: Collection[str]
) -> Callable[[Any], list[Stage]]:
    """A rule's parameter: `head_stages` of the batch of a job.

    Args:
        settings: all of them.
        many_views: names of the batches with a capture of several views.
    """

    def chosen(wildcards: Any) -> list[Stage]:
        return head_stages(settings, wildcards.batch in many_views)

    return chosen


def stages_of_run(
    settings: Mapping[str, Any], many_views: Collection[str], batches: Iterable[str]
) -> list[Stage]:
    """`head_stages` of all batches of a run together."""
    kinds = sorted({batch in many_views for batch in batches})
    stages = {stage["artefact"]: stage for kind in kinds for stage in head_stages(settings, kind)}
    return list(stages.values())


def shown_path(path: str) -> str:
    """A path as others may read it: relative to the working folder, else the file's name alone."""
    return plain(path) if not path.startswith(("/", "~", "..")) else Path(path).name


def plain(value: Any) -> Any:
    """Settings, or a sentence, with just the name of every file that lies elsewhere."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        if value.startswith(("/", "~", "../")):
            return Path(value).name
        return OUTSIDE.sub(lambda found: Path(found[0]).name, value)
    return value


def _line(settings: Mapping[str, Any], many_views: bool) -> list[tuple[str, tuple[str, ...]]]:
    """(artefact, sections of the settings) of each stage that takes part."""
    parsed = settings["parsing"]["method"] != "none" and settings["fit"]["parts_weight"] > 0
    regressed = settings["fit"]["method"] != "optimise"
    shaded = settings["shading"]["method"] != "none"
    surface = ("regularise", "shading") if many_views else ("shading",)
    every = [
        ("capture", ("import",), True),
        ("faces", ("detection",), True),
        ("landmarks", ("landmarks",), True),
        ("skin", ("skin",), True),
        ("parsing", ("parsing",), parsed),
        ("rig", ("rig",), many_views),
        ("regression", ("regression",), regressed),
        ("fit", ("fit",), True),
        ("base", ("base",), many_views),
        ("volume", ("implicit",), many_views),
        ("surface", surface, many_views or shaded),
        ("highlights", ("highlights",), True),
        ("texture", ("texture",), True),
        ("albedo", ("albedo",), True),
        ("displacement", ("displacement",), many_views),
        ("parts", ("segmentation",), bool(settings["export"]["published"])),
        ("export", ("export",), True),
    ]
    return [(artefact, sections) for artefact, sections, takes_part in every if takes_part]


def _weights(settings: Mapping[str, Any], section: str) -> list[str]:
    chosen = settings[section]
    method = chosen.get("method", "")
    files = [str(LANDMARK_MODELS / name) for name in OWN_FILES.get((section, method), ())]
    named = ["weights"] if "weights" in chosen and needs_weights(settings, section) else []
    named += [OTHER_FILES[section, method]] if (section, method) in OTHER_FILES else []
    files += [str(chosen[name]) for name in named if chosen[name]]
    if not chosen.get("weights") and (section, method) in SHIPPED:
        files.append(SHIPPED[section, method])
    return files

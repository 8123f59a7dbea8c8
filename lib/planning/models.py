"""Files that a run cannot begin without and that only its user can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lib.errors import ConfigError, MissingModelError

FOLDER = Path("resources/face_models")
MADE_BY_RULES = ("makehuman_rebuilt",)
# What folders begin with that rules of training fill.
TRAINED = (
    "albedo_",
    "coarse_",
    "detail_layer_",
    "displacement_",
    "highlights_",
    "implicit_",
    "parser_",
    "regularise_",
    "shading_",
)

# Methods of a section that read the file in its setting `weights`.
NETWORK_METHODS: dict[str, tuple[str, ...]] = {
    "detection": ("retinaface",),
    "landmarks": ("points106",),
    "parsing": ("published", "learned"),
    "implicit": ("mvfr", "learned"),
    "regularise": ("mvfr", "learned"),
    "shading": ("detail_layer", "learned"),
    "highlights": ("unet_transformer", "learned"),
    "albedo": ("face_texture", "learned"),
    "displacement": ("pix2pixhd", "learned"),
}


def model_file(name: str) -> str | list[str]:
    """The file of a head model as input of a rule; none for `makehuman`, which is in the project.

    Args:
        name: `face_model` of the settings.

    Raises:
        MissingModelError: its file is not there and no rule makes it; the message says what to do.
    """
    if name == "makehuman":
        return []
    file = FOLDER / f"{name}.h5"
    if name not in MADE_BY_RULES and not file.is_file():
        raise MissingModelError(
            f"face_model is '{name}', but {file} is not there. It is made of files that you must "
            "have: docs/face_models.md says which, under what licence, and what to run. "
            "`face_model: makehuman` ships with this project."
        )
    return f"<resources>/face_models/{name}.h5"


def regressor_file(method: str, weights: str) -> str:
    """The network that tells coefficients, as input of a rule.

    Args:
        method: `fit.method` of the settings.
        weights: `regression.weights` of the settings.

    Raises:
        ConfigError: no file is named.
        MissingModelError: it is not there and no rule makes it.
    """
    advice = (
        "docs/published_systems.md says which published checkpoints are read, and "
        "`snakemake train_coarse` makes one; `fit.method: optimise` needs none."
    )
    if not weights:
        raise ConfigError(
            f"a network is asked (fit.method: {method}), but regression.weights is empty. {advice}"
        )
    if not _comes(weights):
        raise MissingModelError(f"regression.weights is {weights}, which is not there. {advice}")
    return weights


def weights_input(
    settings: Mapping[str, Any], section: str, name: str = "weights"
) -> Callable[[object], str | list[str]]:
    """A rule's input: the file of weights that a setting names; nothing where it is not needed.

    Args:
        settings: all of them.
        section: of the setting.
        name: of the setting in it. The file `weights` of a section with methods is needed by those
            of `NETWORK_METHODS` alone, any other whenever it is named.

    Raises:
        MissingModelError: when a job is planned that needs the file, and it is not there.
    """

    def chosen(_wildcards: object) -> str | list[str]:
        file = (
            str(settings[section][name])
            if name != "weights" or needs_weights(settings, section)
            else ""
        )
        if file and not _comes(file):
            raise MissingModelError(
                f"{section}.{name} is {file}, which is not there. Name the file that you have; "
                "docs/published_systems.md and docs/training.md say which ones are read, where "
                "they come from, and which methods need none."
            )
        return file or []

    return chosen


def needs_weights(settings: Mapping[str, Any], section: str) -> bool:
    """Whether the method of a section reads the section's weights; true of one without methods."""
    methods = NETWORK_METHODS.get(section)
    return methods is None or settings[section]["method"] in methods


def _comes(file: str) -> bool:
    """Whether a file is there, or where a rule of training would put it."""
    return Path(file).is_file() or Path(file).parent.name.startswith(TRAINED)

"""Files that a run cannot begin without and that only its user can have."""

from __future__ import annotations

from pathlib import Path

from lib.errors import ConfigError, MissingModelError

FOLDER = Path("resources/face_models")
MADE_BY_RULES = ("makehuman_rebuilt",)
TRAINED = "coarse_"  # what folders begin with that `train_coarse` fills


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
    if not Path(weights).is_file() and not Path(weights).parent.name.startswith(TRAINED):
        raise MissingModelError(f"regression.weights is {weights}, which is not there. {advice}")
    return weights

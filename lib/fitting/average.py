"""The person that a fit starts from and is drawn to: the average of many scans.

A model's own mean is what its authors drew, and noses and chins of drawn heads are off by up to a
centimetre in depth, which no single photo can tell. `data/average_<model>.json` holds the identity
at which the model looks like the average of scanned people.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from lib.errors import ConfigError
from lib.facemodel import FaceModel

DATA = Path(__file__).parent / "data"


def average_identity(model: FaceModel) -> np.ndarray:
    """(n_identity,) sigma of the average person; zero for a model without a known one.

    Raises:
        ConfigError: the known one belongs to another edition of the model.
    """
    path = DATA / f"average_{model.name}.json"
    if not path.is_file():
        return np.zeros(model.n_identity, np.float32)
    found = np.array(json.loads(path.read_text())["identity"], np.float32)
    if found.shape != (model.n_identity,):
        raise ConfigError(
            f"{path.name} holds {len(found)} coefficients, but face model '{model.name}' has "
            f"{model.n_identity}. Make it again for this model, or give the model another name."
        )
    return found


def average_person(model: FaceModel) -> FaceModel:
    """The model with its mean at the average person; its coefficients count from there."""
    return replace(model, mean=model.vertices(average_identity(model)))

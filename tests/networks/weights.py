"""Where tests find the landmark networks."""

from pathlib import Path

import pytest

from lib.networks import BLAZEFACE, FACE_MESH
from lib.networks.fetch import missing

MODELS = Path(__file__).parents[2] / "resources/landmark_models"
needs_models = pytest.mark.skipif(
    bool(missing(MODELS, (BLAZEFACE, FACE_MESH))),
    reason=f"{MODELS} lacks the landmark networks: run `make setup`",
)

import pytest

from lib.export import ExportOptions, export_head
from tests.synthetic_head import synthetic_case, synthetic_model


@pytest.fixture(scope="session")
def model():
    return synthetic_model()


@pytest.fixture(scope="session")
def case(model):
    return synthetic_case(model)


@pytest.fixture(scope="session")
def small():
    return ExportOptions(overlay_side_px=300, turntable_px=60, glb_texture_px=32)


@pytest.fixture(scope="session")
def exported(model, case, small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "b0001" / "export" / "anna"
    export_head(folder, "anna", model, case.capture, case.landmarks, case.fit, case.texture, small)
    return folder

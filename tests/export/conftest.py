import pytest

from lib.export import ExportOptions, HeadExporter
from tests.synthetic_head import synthetic_case, synthetic_model


@pytest.fixture(scope="session")
def model():
    return synthetic_model()


@pytest.fixture(scope="session")
def case(model):
    return synthetic_case(model)


@pytest.fixture(scope="session")
def exporter(model):
    options = ExportOptions(overlay_side_px=300, turntable_px=60, glb_texture_px=32)
    return HeadExporter(model, options)


@pytest.fixture(scope="session")
def exported(exporter, case, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "b0001" / "export" / "anna"
    exporter.write(folder, "anna", case.capture, case.landmarks, case.fit, case.texture)
    return folder

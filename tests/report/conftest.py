import numpy as np
import pytest

from lib.artefacts import ARTEFACTS, BatchWriter, Outcome
from lib.errors import CaptureFailure
from lib.imaging import save_jpeg, save_png
from lib.report import ReportOptions, write_report
from tests.synthetic_head import LINE, synthetic_case, synthetic_model

STAGE = {"capture": "import", "faces": "detect"}
NAMES = ("anna & <co>", "beth", "carl")
BENCHMARK = "s\th:m:s\tmax_rss\tcpu_time\n12.5\t0:00:12\t310.25\t11\n"


@pytest.fixture(scope="session")
def model():
    return synthetic_model()


@pytest.fixture(scope="session")
def results(model, tmp_path_factory):
    """A run of two batches: three heads, a photo without a face and an unreadable one."""
    folder = tmp_path_factory.mktemp("run") / "results"
    case = synthetic_case(model)
    _write_batch(folder / "b0001", case, NAMES[:2], "hill")
    _write_batch(folder / "b0002", case, NAMES[2:], None)
    for rule in ("import_capture", "fit_face_model"):
        for batch in ("b0001", "b0002"):
            table = folder / "benchmarks" / rule / f"{batch}.tsv"
            table.parent.mkdir(parents=True, exist_ok=True)
            table.write_text(BENCHMARK)
    return folder


@pytest.fixture(scope="session")
def report(results, model):
    options = ReportOptions(max_heads=2, max_sheet_batches=1)
    return write_report(results, ["b0001", "b0002"], model, options)


def _write_batch(folder, case, names, faceless):
    unreadable = CaptureFailure("unreadable_image", "torn.jpg ends early.\n\tCopy it again.")
    no_face = CaptureFailure("no_face", "No face above 0.5.")
    for kind in LINE:
        with BatchWriter(folder / f"{kind}.h5", ARTEFACTS[kind], STAGE.get(kind, kind)) as out:
            for name in names:
                out.add(name, _of(case, kind, name))
            if kind == "capture":
                out.fail("torn", unreadable)
            else:
                out.carry(Outcome("torn", "import", unreadable.outcome, unreadable.reason))
            if faceless and kind == "capture":
                out.add(faceless, case.capture)
            elif faceless and kind == "faces":
                out.fail(faceless, no_face)
            elif faceless:
                out.carry(Outcome(faceless, "detect", no_face.outcome, no_face.reason))
    grey = np.full((60, 180, 3), 128, np.uint8)
    for stage in ("import", "fit"):
        save_jpeg(folder / "sheets" / f"{stage}.jpg", grey)
    for name in names:
        save_png(folder / "export" / name / "overlay.png", grey)


def _of(case, kind, name):
    artefact = getattr(case, kind)
    return artefact.replace(photo=name) if kind == "faces" else artefact

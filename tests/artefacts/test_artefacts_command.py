"""`python -m lib.artefacts` tells what is in a file, and in what two files differ."""

from pathlib import Path

import pytest

from lib.artefacts import ARTEFACTS, BatchWriter, FaceFit, Faces
from lib.artefacts.__main__ import main
from lib.artefacts.contents import differences, docs_page
from lib.errors import CaptureFailure
from tests.artefacts.samples import random_artefact

DOCS = Path(__file__).parents[2] / "docs" / "artefacts.md"


def fit_file(path, fit):
    with BatchWriter(path, FaceFit, "fit") as writer:
        writer.add("anna", fit)
        writer.fail("rock", CaptureFailure("no_face", "It is a rock."))
    return str(path)


@pytest.fixture
def fit():
    return random_artefact(FaceFit)


def test_show_lists_arrays_with_shapes_and_units_and_what_failed(tmp_path, fit, capsys):
    assert main(["show", fit_file(tmp_path / "fit.h5", fit)]) == 0
    text = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == f"FaceFit version {FaceFit.version}, stage fit: 1 ok, 1 failed"
    assert "world_to_camera 3 x 3 x 4 float64 mm" in lines
    assert f"method text {fit.method}" in lines
    assert "rock: no_face: It is a rock." in lines


def test_equal_files_have_no_difference(tmp_path, fit, capsys):
    one, two = (fit_file(tmp_path / name, fit) for name in ("one.h5", "two.h5"))
    assert main(["diff", one, two]) == 0
    assert capsys.readouterr().out == "no difference\n"


def test_diff_puts_the_largest_difference_first(tmp_path, fit, capsys):
    vertices, focal = fit.vertices.copy(), fit.focal_px.copy()
    vertices[1, 1] += 0.25
    focal[1] += 3
    other = fit.replace(vertices=vertices, focal_px=focal, method="guess")
    one, two = fit_file(tmp_path / "one.h5", fit), fit_file(tmp_path / "two.h5", other)
    assert main(["diff", one, two]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"anna/method: {fit.method} and guess"
    assert printed[1] == "anna/focal_px: 3 px, 1 of 3 values"
    assert printed[2].startswith("anna/vertices: 0.25 mm, 1 of ")
    assert len(printed) == 3


def test_diff_sees_missing_captures_other_kinds_and_numbers_that_became_nan(tmp_path, fit):
    one = fit_file(tmp_path / "one.h5", fit)
    two = tmp_path / "two.h5"
    with BatchWriter(two, FaceFit, "fit") as writer:
        writer.add("rock", fit)
    assert {d.place for d in differences(one, two)} >= {"anna", "rock.outcome"}
    focal = fit.focal_px.copy()
    focal[1] = float("nan")
    (only,) = differences(one, fit_file(two, fit.replace(focal_px=focal)))
    assert (only.place, only.size) == ("anna/focal_px", float("inf"))
    with BatchWriter(two, Faces, "detect") as writer:
        writer.add("anna", random_artefact(Faces))
    assert "artefact" in {d.place for d in differences(one, two)}


def test_what_is_no_artefact_is_refused(tmp_path, fit, capsys):
    (tmp_path / "text.h5").write_text("hello")
    assert main(["show", str(tmp_path / "text.h5")]) == 2
    assert "cannot be read as an artefact" in capsys.readouterr().err
    assert main(["show", "--capture", "bob", fit_file(tmp_path / "fit.h5", fit)]) == 2
    assert "has no capture 'bob'. It has: anna." in capsys.readouterr().err


def test_the_docs_page_is_in_sync():
    assert DOCS.read_text(encoding="utf-8") == docs_page(ARTEFACTS), (
        "run: python -m lib.artefacts docs > docs/artefacts.md"
    )

"""Photos and sheets whose names look like commands: a run takes them as names."""

import pytest
import yaml

from tests.benchmarks.odd_photos import no_face
from tests.runs import outcomes
from tests.workflow.conftest import Place, save

NAMES = (
    *("$(touch marker).png", "`touch marker`.png", "; touch marker ;.png", "{wildcards.batch}.png"),
    *("a' 'b.png", 'a"b.png', "-rf.png", "\u202egnp.png", "%(x)s.png", "a&touch marker&.png"),
)


@pytest.fixture
def place(project, tmp_path):
    place = Place(project).copy(tmp_path / "place")
    for name in NAMES:
        save(place.photos / name, no_face()[::4, ::4])
    return place


@pytest.mark.slow
def test_no_name_of_a_photo_is_ever_a_command(place):
    place.call("--until", "collect_status").check()
    assert {image.removeprefix("photos/") for image in outcomes(place.results)} == set(NAMES)
    assert not list(place.folder.rglob("marker*"))


@pytest.mark.slow
def test_a_sheet_that_leads_out_of_the_results_ends_the_run_before_it_begins(place):
    for capture in ("../../up", "/etc/up", "$(touch marker)"):
        text = f"capture\timage\n{capture}\tphotos/-rf.png\n"
        (place.folder / "samples.tsv").write_text(text, encoding="utf-8")
        run = place.call("--dry-run", samples="samples.tsv")
        assert run.returncode and "column capture" in run.text
    assert not place.results.exists() and not list(place.folder.rglob("marker*"))


@pytest.mark.slow
def test_settings_that_grow_without_end_are_refused_before_anything_is_planned(place):
    laughs = {"a0": ["ha"] * 9}
    for k in range(1, 30):
        laughs[f"a{k}"] = [laughs[f"a{k - 1}"]] * 9
    (place.folder / "small.yaml").write_text(yaml.safe_dump(laughs), encoding="utf-8")
    run = place.call("--dry-run")
    assert run.returncode and "grow without end" in run.text and run.seconds < 60

"""A head tells where it comes from, and whether something non-commercial took part."""

import hashlib
import json

import pytest

from lib.export import PROVENANCE, origins, write_provenance
from lib.export.licences import licence_summary, terms_of
from lib.planning.provenance import head_stages
from lib.planning.settings import checked_settings


@pytest.mark.parametrize(
    ("licence", "terms"),
    [
        ("CC0-1.0", "free"),
        ("Apache-2.0 (The MediaPipe Authors)", "free"),
        ("ours; trained on rendered faces alone, of a CC0 head model", "free"),
        ("CC-BY-4.0", "free"),
        ("CC-BY-NC-4.0", "limited"),
        ("MIT (Vladimir Iglovikov); trained on WIDER FACE, which is for research", "limited"),
        ("FaceScape licence: non-commercial research, no redistribution", "limited"),
        ("CC0; trained on 300-W, whose licence excludes commercial use", "limited"),
        ("not stated for the file; it comes with HRN (Apache-2.0)", "not clear"),
        ("that of the photos and of the head model it was trained with", "not clear"),
        ("", "not clear"),
        ("do what you like", "not clear"),
    ],
)
def test_terms_of_licences(licence, terms):
    assert terms_of(licence) == terms


def test_what_limits_use_stands_out():
    told = licence_summary(
        [("makehuman", "CC0-1.0"), ("net", "research only"), ("x", "not stated")]
    )
    assert told["commercial_use"].startswith(
        "NOT ALLOWED, or only by agreement, by the licence of net"
    )
    assert (told["limited"], told["not_clear"]) == (["net"], ["x"])
    assert licence_summary([("x", "not stated")])["commercial_use"].startswith("NOT CLEAR")
    assert "NOT" not in licence_summary([("makehuman", "CC0-1.0")])["commercial_use"]


@pytest.fixture
def common(tmp_path):
    weights = tmp_path / "elsewhere" / "relief.pt"
    weights.parent.mkdir()
    weights.write_bytes(b"numbers")
    settings = checked_settings(
        {
            "detection": {"method": "haar"},
            "landmarks": {"method": "files"},
            "shading": {"method": "learned", "weights": str(weights)},
        }
    )
    return origins("makehuman", head_stages(settings, False))


def test_a_head_names_its_photos_model_networks_and_files(case, common, tmp_path):
    folder = tmp_path / "anna"
    (folder / "relight").mkdir(parents=True)
    (folder / "head.obj").write_bytes(b"v 0 0 0")
    (folder / "relight" / "studio.jpg").write_bytes(b"picture")
    write_provenance(folder, "anna", case.capture, common)
    told = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    assert told["files"] == {
        "head.obj": hashlib.sha256(b"v 0 0 0").hexdigest(),
        "relight/studio.jpg": hashlib.sha256(b"picture").hexdigest(),
    }
    assert [photo["sha256"] for photo in told["photos"]] == list(case.capture.sha256)
    assert told["head_model"]["licence"] == "CC0-1.0"
    (network,) = told["networks"]
    assert (network["artefact"], network["file"], network["licence"]) == (
        "surface",
        "relief.pt",
        "not stated",
    )
    assert told["licences"]["not_clear"] == ["relief"]
    assert list(told)[:2] == ["capture", "licences"]
    assert str(tmp_path) not in (folder / PROVENANCE).read_text(encoding="utf-8")


def test_weights_that_ship_are_told_wherever_the_run_was_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"detection": {"method": "haar"}, "landmarks": {"method": "files"}}
    settings = checked_settings(settings | {"highlights": {"method": "learned"}})
    (network,) = origins("makehuman", head_stages(settings, False))["networks"]
    assert network["licence"].startswith("CC0-1.0")


def test_a_second_time_gives_the_same_bytes(case, common, tmp_path):
    folder = tmp_path / "anna"
    folder.mkdir()
    (folder / "head.obj").write_bytes(b"v 0 0 0")
    write_provenance(folder, "anna", case.capture, common)
    first = (folder / PROVENANCE).read_bytes()
    write_provenance(folder, "anna", case.capture, common)
    assert (folder / PROVENANCE).read_bytes() == first

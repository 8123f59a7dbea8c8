"""Whole runs of the real workflow: what they make, and what a change makes run again."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from PIL import Image

from lib.report.__main__ import main
from lib.report.status import read_status
from tests.benchmarks.odd_photos import portrait
from tests.runs import environment, outcomes
from tests.workflow.conftest import NETWORKS, PRIVATE, save

pytestmark = pytest.mark.slow

HEAD_FILES = {
    "albedo.png",
    "camera.json",
    "coefficients.json",
    "head.glb",
    "head.mtl",
    "head.obj",
    "landmarks.json",
    "overlay.png",
    "provenance.json",
    "turntable.png",
}
STAGES = [
    "plan_batch",
    "import_capture",
    "detect_faces",
    "find_landmarks",
    "mask_skin",
    "fit_face_model",
    "shade_photos",
    "remove_highlights",
    "blend_texture",
    "recover_albedo",
    "export_heads",
]
ENDS = {"collect_status": 1, "write_provenance": 1, "write_report": 1}


def from_stage(first):
    """Jobs that run when one batch runs again from a stage on."""
    return dict.fromkeys(STAGES[STAGES.index(first) :], 1) | ENDS


def test_every_photo_becomes_a_head_or_a_row_with_a_reason(finished):
    assert outcomes(finished.results) == {
        "photos/anna.png": "head",
        "photos/coffee.jpg": outcomes(finished.results)["photos/coffee.jpg"],
        "photos/text.jpg": "unreadable_image",
    }
    rows = read_status(finished.results / "status.tsv")
    ended = {row.capture: row for row in rows}
    assert ended["coffee"].outcome in ("no_face", "landmarks_unsure")
    assert "is a text file, not a photo" in ended["text"].reason
    assert all(row.reason for row in rows if row.failed)
    heads = finished.results / "b0001" / "export"
    assert [path.name for path in heads.iterdir() if path.is_dir()] == ["anna"]
    assert {path.name for path in (heads / "anna").iterdir()} >= HEAD_FILES
    assert "anna" in (finished.results / "report.html").read_text(encoding="utf-8")


def test_where_a_photo_was_taken_reaches_no_output(finished):
    assert PRIVATE.encode() in (finished.photos / "anna.png").read_bytes()
    made = [path for path in finished.results.rglob("*") if path.is_file()]
    assert not [path for path in made if PRIVATE.encode() in path.read_bytes()]
    pictures = [path for path in made if path.suffix in (".png", ".jpg")]
    for path in pictures:
        with Image.open(path) as picture:
            assert not picture.getexif(), path
    assert any(path.name == "diffuse.png" for path in pictures)


def test_the_provenance_names_photo_networks_and_licences_and_no_folder_of_this_machine(finished):
    told = json.loads((finished.results / "provenance.json").read_text(encoding="utf-8"))
    rows = {row["capture"]: row for row in told["batches"]["b0001"]}
    photo = finished.photos / "anna.png"
    sha256 = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert rows["anna"]["photos"] == [{"view": "00", "file": "photos/anna.png", "sha256": sha256}]
    assert (rows["text"]["outcome"], "photos" in rows["text"]) == ("unreadable_image", False)
    assert {network["name"] for network in told["networks"]} == {
        "blazeface_short_range",
        "face_mesh_468",
    }
    assert told["licences"]["limited"] == told["licences"]["not_clear"] == []
    head = finished.results / "b0001/export/anna/provenance.json"
    for file in (head, finished.results / "provenance.json"):
        assert str(finished.folder) not in file.read_text(encoding="utf-8")
    assert main(["verify", "--artefacts", str(finished.results)]) == 0


def test_a_dry_run_writes_nothing(new):
    save(new.photos / "anna.png", portrait(200))
    assert new.planned() == from_stage("plan_batch")
    assert not new.results.exists()


def test_a_second_run_does_nothing(again):
    before = again.files()
    second = again.call().check()
    assert second.jobs == []
    assert "Nothing to be done" in second.text
    assert again.files() == before


def test_a_new_photo_runs_a_new_batch_alone(again):
    before = again.times("b0001")
    save(again.photos / "bert.png", portrait(180)[:, ::-1])
    ran = again.call().check().jobs
    assert sorted(ran) == sorted([*STAGES, *ENDS])
    assert again.times("b0001") == before
    assert outcomes(again.results)["photos/bert.png"] == "head"
    assert outcomes(again.results)["photos/anna.png"] == "head"


def test_an_edited_photo_runs_its_batch_again_and_a_removed_one_nothing(again):
    save(again.photos / "bert.png", portrait(180))
    again.call("--until", "import_capture").check()
    save(again.photos / "bert.png", portrait(190))
    planned = again.planned("--until", "detect_faces")
    assert planned == {"plan_batch": 1, "import_capture": 1, "detect_faces": 1}
    (again.photos / "coffee.jpg").unlink()
    (again.photos / "bert.png").unlink()
    assert not again.planned()


@pytest.mark.parametrize("stage", ["import_capture", "fit_face_model"])
def test_a_killed_run_started_again_gives_the_same_bytes(finished, new, stage):
    for photo in finished.photos.iterdir():
        new.photos.joinpath(photo.name).write_bytes(photo.read_bytes())
    log = new.results / "logs" / stage / "b0001.log"
    with subprocess.Popen(
        new.command(),
        cwd=new.folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as first:
        while not log.exists():
            assert first.poll() is None, "ended before it could be killed"
            time.sleep(0.01)
        os.killpg(first.pid, signal.SIGKILL)
    made = {path.name for path in new.results.glob("b0001/*.h5")}
    assert "texture.h5" not in made
    second = new.call().check()
    assert "fetch_landmark_models" not in second.jobs
    assert new.files() == finished.files()
    leftovers = [path.name for path in new.results.rglob("*.part")]
    assert leftovers == []


def test_two_runs_on_the_same_results_do_not_mix(again):
    save(again.photos / "bert.png", portrait(180))
    log = again.results / "logs" / "import_capture" / "b0002.log"
    with subprocess.Popen(
        again.command(),
        cwd=again.folder,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    ) as first:
        while not log.exists():
            assert first.poll() is None, "ended too early"
            time.sleep(0.01)
        second = again.call()
        assert first.poll() is None, "the first run was over before the second was refused"
        os.killpg(first.pid, signal.SIGKILL)
    assert second.returncode
    assert "Directory cannot be locked" in second.text


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_raised_version_runs_its_stage_and_what_follows_and_a_docstring_nothing(again):
    stages = again.folder / "lib" / "artefacts" / "stages.py"
    edit(stages, '"""A fitted face', '"""A face that was fitted')
    edit(again.folder / "lib" / "fitting" / "fit.py", '"""', '"""Really: ')
    assert not again.planned()
    place = "class FaceFit(Artefact)"
    start = stages.read_text(encoding="utf-8")
    head, tail = start.split(place)
    number = int(tail.split("version: ClassVar[int] = ")[1].split("\n")[0])
    tail = tail.replace(f"ClassVar[int] = {number}", f"ClassVar[int] = {number + 1}", 1)
    stages.write_text(head + place + tail, encoding="utf-8")
    assert again.planned() == from_stage("fit_face_model")


def test_a_changed_setting_runs_its_stage_and_what_follows(again):
    edit(again.folder / "small.yaml", "uv_size: 128", "uv_size: 64")
    assert again.planned() == from_stage("blend_texture")


def test_one_stage_can_be_forced(again):
    assert again.planned("--forcerun", "fit_face_model") == from_stage("fit_face_model")


def test_networks_that_were_fetched_again_run_nothing_again(again, monkeypatch):
    networks = again.folder / "resources" / "landmark_models"
    names = [path.name for path in networks.iterdir()]
    (again.folder / "resources").unlink()
    networks.mkdir(parents=True)
    for name in names:
        shutil.copyfile(NETWORKS / name, networks / name)  # younger than all results
    monkeypatch.setenv("VISAGRAPH_MEDIAPIPE_WHEEL", "elsewhere.whl")
    assert not again.planned()


def test_photos_of_one_subject_share_an_identity(new):
    save(new.folder / "mine" / "left.png", portrait(200))
    save(new.folder / "mine" / "right.png", portrait(200)[:, ::-1])
    save(new.folder / "mine" / "other.png", portrait(180))
    sheet = new.folder / "mine" / "samples.tsv"
    rows = ["image\tcapture\tsubject", "left.png\tone\tanna", "right.png\ttwo\tanna", "other.png"]
    sheet.write_text("\n".join(rows) + "\n", encoding="utf-8")
    new.call(samples="mine/samples.tsv").check()
    identity = {}
    for name in ("one", "two", "other"):
        table = new.results / "b0001" / "export" / name / "coefficients.json"
        identity[name] = json.loads(table.read_text(encoding="utf-8"))["identity"]
    assert identity["one"] == identity["two"]
    assert identity["one"] != identity["other"]


def test_every_face_of_a_photo_has_a_name_that_no_photo_has(new):
    import numpy as np

    both = np.full((260, 500, 3), 128, np.uint8)
    both[20:240, 10:230] = portrait(220)
    both[40:220, 290:470] = portrait(180)[:, ::-1]
    save(new.photos / "anna.png", both)
    save(new.photos / "anna_2.png", portrait(200))
    edit(new.folder / "small.yaml", "import:", "detection: {faces: all}\nimport:")
    new.call().check()
    heads = new.results / "b0001" / "export"
    names = sorted(path.name for path in heads.iterdir() if path.is_dir())
    assert names == ["anna", "anna+2", "anna_2"]


def test_a_person_is_taken_out_and_the_others_are_made_again(again):
    (again.photos / "anna.png").unlink()
    done = again.call("--nocolor", "purge_subject", purge="anna").check()
    assert "photos/anna.png" in done.text
    assert not (again.results / "b0001").exists()
    again.call().check()
    assert "photos/anna.png" not in outcomes(again.results)
    left = [path for path in again.results.rglob("*") if path.is_file()]
    assert not any(b"anna" in path.read_bytes() or "anna" in str(path) for path in left)

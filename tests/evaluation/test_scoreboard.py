"""The scoreboard keeps apart what may not be averaged, and counts what failed."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import trimesh
from PIL import Image

from lib.errors import ConfigError
from lib.evaluation import (
    MEASURES,
    ScoreRow,
    read_rows,
    scoreboard,
    write_rows,
    write_scoreboard,
)
from lib.evaluation.__main__ import main
from lib.evaluation.benchmark import benchmark_rows
from lib.evaluation.heads import OuterSurface
from lib.metrics import NOW_POINTS, model_regions
from tests.evaluation.captures import identity, model


def row(value, capture, who="fit", measure="rigid.mean", span="in_model", views=1, **more):
    start = more.get("dataset", "synthetic makehuman"), span, views, capture, "ok"
    return ScoreRow(*start, who, measure, more.get("view", -1), value)


def failed(capture, views=1, span="in_model"):
    return ScoreRow("synthetic makehuman", span, views, capture, "no_face")


def test_groups_are_never_mixed():
    rows = [
        row(1.0, "a"),
        row(3.0, "b"),
        row(10.0, "c", span="out_of_model"),
        row(100.0, "d", views=8),
        row(1000.0, "e", dataset="scans", span="out_of_model"),
    ]
    board = scoreboard(rows)
    found = {(g.dataset, g.span, g.views): g.entry("rigid.mean", "fit").mean for g in board}
    assert found == {
        ("synthetic makehuman", "in_model", "one"): 2.0,
        ("synthetic makehuman", "in_model", "many"): 100.0,
        ("synthetic makehuman", "out_of_model", "one"): 10.0,
        ("scans", "out_of_model", "one"): 1000.0,
    }
    spans = [group.span for group in board]
    assert spans == sorted(spans), "in-model groups come together, before the others"


def test_numbers_are_summed_up_as_they_say():
    values = [1.0, 2.0, 3.0, 4.0, 10.0]
    (group,) = scoreboard(row(value, f"c{value}") for value in values)
    entry = group.entry("rigid.mean", "fit")
    assert (entry.count, entry.median, entry.mean) == (5, 3.0, 4.0)
    assert entry.p90 == pytest.approx(np.percentile(values, 90))


def test_the_mean_face_and_the_average_person_always_have_a_row():
    (group,) = scoreboard([row(1.0, "a")])
    assert [entry.who for entry in group.entries] == ["fit", "average_person", "mean_face"]
    assert [entry.count for entry in group.entries] == [1, 0, 0]


def test_failures_are_counted_in_their_group(tmp_path):
    rows = [row(1.0, "a"), failed("b"), failed("c", views=8), failed("c", views=8)]
    one, many = sorted(scoreboard(rows), key=lambda group: group.views, reverse=True)
    assert (one.captures, one.failed) == (("a",), (("b", "no_face"),))
    assert (many.captures, many.failed, many.entries) == ((), (("c", "no_face"),), ())
    write_scoreboard(tmp_path / "board.tsv", (one, many))
    with open(tmp_path / "board.tsv", newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert {(line["views"], line["failed"]) for line in table} == {("one", "1"), ("many", "1")}
    fit = next(line for line in table if line["who"] == "fit")
    assert (fit["median"], fit["unit"], fit["values"]) == ("1", "mm", "1")


def test_a_failed_capture_is_a_failure_of_the_area_under_the_curve():
    good = [row(0.0, "a", measure="landmarks.measured", view=0)]
    (alone,) = scoreboard(good)
    (with_loss,) = scoreboard([*good, failed("b")])
    assert alone.entry("landmarks.measured_auc", "fit").mean == pytest.approx(100)
    assert with_loss.entry("landmarks.measured_auc", "fit").mean == pytest.approx(50)


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [row(0.1 + 0.2, "a", view=3), failed("b")]
    write_rows(tmp_path / "rows.tsv", rows)
    back = read_rows(tmp_path / "rows.tsv")
    assert back[0] == rows[0]
    assert back[1][:-1] == rows[1][:-1] and np.isnan(back[1].value)


def test_a_table_of_another_kind_is_refused(tmp_path):
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    for name in ("other.tsv", "gone.tsv"):
        with pytest.raises(ConfigError, match=r"no table of scores.*python -m lib\.evaluation"):
            read_rows(tmp_path / name)
    with pytest.raises(ConfigError, match="no measure 'fame'"):
        scoreboard([row(1.0, "a", measure="fame")])


def test_every_measure_says_what_it_is():
    for name, measure in MEASURES.items():
        assert len(measure.words) > 15 and measure.unit, name


# benchmarks


def put_obj(path, vertices, triangles):
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.Trimesh(vertices, triangles, process=False).export(path)


@pytest.fixture
def now(tmp_path):
    """A NoW folder of one subject with two images, of which one has a prediction, 2 % too large."""
    mesh = OuterSurface.of(model()).mesh(model().vertices(identity()))
    put_obj(tmp_path / "now/scans/S1/scan.obj", mesh.vertices, mesh.triangles)
    points = "".join(f'<point x="{x}" y="{y}" z="{z}"/>' for x, y, z in mesh.landmarks[NOW_POINTS])
    marks = tmp_path / "now/scans_lmks_onlypp/S1/scan.pp"
    marks.parent.mkdir(parents=True)
    marks.write_text(f"<PickedPoints>{points}</PickedPoints>")
    (tmp_path / "now/imagepathsvalidation.txt").write_text("S1/selfie/a.jpg\nS1/selfie/b.jpg\n")
    put_obj(tmp_path / "ours/S1/selfie/a.obj", 1.02 * mesh.vertices, mesh.triangles)
    np.save(tmp_path / "ours/S1/selfie/a.npy", 1.02 * mesh.landmarks[NOW_POINTS])
    return tmp_path


def test_a_benchmark_becomes_rows_beside_the_mean_face(now, capsys):
    out = now / "now.tsv"
    arguments = ["benchmark", "now", str(now / "now"), "--predictions", str(now / "ours")]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "2 items, 1 of them without a prediction" in capsys.readouterr().out
    (group,) = scoreboard(read_rows(out))
    assert (group.dataset, group.span) == ("NoW", "out_of_model")
    assert group.failed == (("S1/selfie/b", "missing"),)
    assert group.entry("now.pooled_median", "fit").mean < 1e-3
    assert group.entry("now.median", "mean_face").mean > 0.3
    assert group.entry("now.median", "average_person").count == 1


def test_a_folder_of_another_form_is_told_without_a_traceback(now, capsys):
    arguments = ["--predictions", str(now / "ours"), "--out", str(now / "x.tsv")]
    assert main(["benchmark", "realy", str(now / "now"), *arguments]) == 2
    assert "expected" in capsys.readouterr().err
    arguments[1] = str(now / "gone")
    assert main(["benchmark", "now", str(now / "now"), *arguments]) == 2
    assert "is no folder, expected subject/challenge/image.obj" in capsys.readouterr().err


def test_landmarks_of_photos_become_rows(tmp_path):
    marks = np.random.default_rng(0).uniform(10, 90, (68, 2))
    for folder, moved in (("300w/ibug", 0.0), ("ours/ibug", 1.0)):
        path = tmp_path / folder / "face.pts"
        path.parent.mkdir(parents=True)
        text = "\n".join(f"{x + 1 + moved} {y + 1}" for x, y in marks)
        path.write_text(f"version: 1\nn_points: 68\n{{\n{text}\n}}\n")
    (tmp_path / "300w/ibug/face.jpg").write_bytes(b"")
    out = str(tmp_path / "300w.tsv")
    arguments = ["--predictions", str(tmp_path / "ours"), "--out", out]
    assert main(["benchmark", "300w", str(tmp_path / "300w"), *arguments]) == 0
    (group,) = scoreboard(read_rows(out))
    expected = 100 / np.linalg.norm(marks[36] - marks[45])
    assert group.dataset == "300-W ibug"
    assert group.entry("landmarks.measured", "fit").mean == pytest.approx(expected)


def scored(kind, folder, predictions):
    """Groups of a benchmark by data set."""
    rows = list(benchmark_rows(kind, folder, predictions, model()))
    return {group.dataset: group for group in scoreboard(rows)}


def person():
    """All vertices of a head, and its outer surface."""
    vertices = model().vertices(identity())
    return vertices, OuterSurface.of(model()).mesh(vertices)


def test_regions_of_realy_are_in_millimetres(tmp_path):
    vertices, mesh = person()
    lines = "".join(f"v {x} {y} {z}\n" for x, y, z in mesh.landmarks / 10)
    folder = tmp_path / "data"
    (folder / "REALY_HIFI3D_keypoints").mkdir(parents=True)
    (folder / "REALY_HIFI3D_keypoints/1.obj").write_text(lines + "v 0 0 0\n" * 17)
    (folder / "metrical_scale.txt").write_text("10.0\n")
    for name, chosen in model_regions(model()).items():
        inside = model().triangles[np.isin(model().triangles, chosen).all(axis=1)]
        used, triangles = np.unique(inside, return_inverse=True)
        path = folder / f"REALY_scan_region/1/{name}.obj"
        put_obj(path, vertices[used] / 10, triangles.reshape(-1, 3))
    put_obj(tmp_path / "ours/1.obj", 3 * vertices, model().triangles)
    group = scored("realy", folder, tmp_path / "ours")["REALY"]
    assert group.entry("region.mean", "fit").mean < 1e-2
    assert group.entry("region.mean", "mean_face").mean > 0.2


def test_a_full_head_of_h3ds_stands_beside_the_mean_face(tmp_path):
    _, mesh = person()
    scene = tmp_path / "h3ds" / "one"
    put_obj(scene / "full_head.obj", mesh.vertices, mesh.triangles)
    for name in ("image/img_0000.jpg", "mask/mask_0000.png"):
        (scene / name).parent.mkdir()
        (scene / name).write_bytes(b"")
    camera = np.hstack([np.eye(3), [[0], [0], [500.0]]])
    np.savez(scene / "cameras.npz", world_mat_0=np.vstack([camera, [0, 0, 0, 1]]))
    names = ("right_eye", "left_eye", "nose_tip", "nose_base", "right_lips", "left_lips")
    marks = mesh.landmarks[[36, 45, 30, 33, 48, 54]]
    away = np.linalg.norm(mesh.vertices[:, None] - marks, axis=2).argmin(axis=0)
    (scene / "landmarks.txt").write_text("\n".join(f"{n} {i}" for n, i in zip(names, away)))
    put_obj(tmp_path / "ours/one.obj", 0.5 * mesh.vertices, mesh.triangles)
    np.savetxt(tmp_path / "ours/one.txt", 0.5 * marks)
    group = scored("h3ds", tmp_path / "h3ds", tmp_path / "ours")["H3DS"]
    assert group.entry("head.face", "fit").mean < 1e-2
    assert group.entry("head.all", "mean_face").mean > 0.5


def test_facescapes_heads_are_shifted_in_depth_and_measured_on_the_cylinder(tmp_path):
    _, mesh = person()
    put_obj(tmp_path / "fs/lab_gt_mesh/00.obj", mesh.vertices / 62.85, mesh.triangles)
    put_obj(tmp_path / "ours/00_0_00.obj", mesh.vertices + [0, 0, 7.0], mesh.triangles)
    (tmp_path / "fs/lab_cam").mkdir()
    pose = np.hstack([np.eye(3), [[0], [0], [8.0]]])
    for name in ("00_0_00", "00_0_01"):
        (tmp_path / f"fs/lab_cam/{name}.json").write_text(
            json.dumps([np.eye(3).tolist(), pose.tolist()])
        )
    group = scored("facescape", tmp_path / "fs", tmp_path / "ours")["FaceScape lab"]
    assert group.entry("cylinder.chamfer", "fit").mean < 1e-2
    assert group.entry("cylinder.complete", "fit").mean == pytest.approx(100)
    assert group.failed == (("00_0_01", "missing"),)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def test_removed_highlights_stand_beside_the_untouched_photo(tmp_path):
    rng = np.random.default_rng(1)
    matte = rng.integers(40, 160, (32, 32, 3)).astype(np.uint8)
    mask = np.zeros((32, 32), np.uint8)
    mask[8:16, 8:16] = 255
    shiny = np.where(mask[..., None] > 0, 255, matte).astype(np.uint8)
    for name, picture in (("A", shiny), ("D", matte), ("T", mask)):
        save(tmp_path / f"shiq/x_{name}.png", picture)
    save(tmp_path / "ours/x.png", matte)
    save(tmp_path / "ours/x_T.png", mask)
    group = scored("shiq", tmp_path / "shiq", tmp_path / "ours")["SHIQ"]
    assert group.entry("removal.psnr", "fit").mean == 99
    assert group.entry("removal.psnr", "untouched").mean < 30
    assert group.entry("mask.ber", "fit").mean == 0
    assert group.entry("mask.accuracy", "fit").mean == 100


def test_albedo_of_fair_is_judged_by_skin_tone(tmp_path):
    place = tmp_path / "fair/validation_set"
    light, dark = np.full((16, 16, 3), (214, 172, 150)), np.full((16, 16, 3), (92, 60, 46))
    for face, skin in enumerate((light, dark)):
        save(place / f"crops/s/{face}.png", skin.astype(np.uint8))
        save(tmp_path / f"fair/albedo/s/{face}.png", skin.astype(np.uint8))
        (place / "crop-lmks/s").mkdir(parents=True, exist_ok=True)
        np.save(place / f"crop-lmks/s/{face}.npy", np.zeros((68, 2)))
        save(tmp_path / f"ours/s/{face}.png", skin.astype(np.uint8))
    save(place / "full_image/s.png", light.astype(np.uint8))
    (place / "validation_crop_files.txt").write_text("crops/s/0.png\ncrops/s/1.png\n")
    group = scored("fair", tmp_path / "fair", tmp_path / "ours")["FAIR"]
    assert group.entry("albedo.ita_error", "fit").mean < 1e-3
    assert group.entry("albedo.total", "fit").mean < 1e-3
    assert group.entry("albedo.ita_error", "mean_face").mean > 10

"""What Snakemake would do, told without doing it; mistakes end before any job starts."""

import subprocess
import sys

import pytest
from PIL import Image

from tests.runs import PROJECT, Run, run


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("anna", "bert", "carl"):
        Image.new("RGB", (8, 8)).save(folder / f"{name}.png")
    return folder


def test_three_photos_in_batches_of_two_make_two_jobs_a_stage(photos, tmp_path):
    done = run("--dry-run", "--nolock", photos=photos, results=tmp_path / "out", batch_size=2)
    done.check()
    assert done.planned["fit_face_model"] == done.planned["export_heads"] == 2
    assert done.planned["collect_status"] == done.planned["write_report"] == 1
    assert "Fitting the makehuman head to b0002" in done.text
    assert not (tmp_path / "out").exists()


def test_capture_folders_plan_the_stages_of_many_views_and_photos_do_not(photos, tmp_path):
    for capture in ("anna", "bert"):
        (tmp_path / "captures" / capture / "images").mkdir(parents=True)
        (tmp_path / "captures" / capture / "cameras.json").write_text("{}")
        for name in "ab":
            image = tmp_path / "captures" / capture / "images" / f"{name}.png"
            Image.new("RGB", (8, 8)).save(image)
    settings = {"results": tmp_path / "out", "batch_size": 2}
    many = run("--dry-run", "--nolock", captures=tmp_path / "captures", **settings).check()
    assert many.planned["import_capture"] == many.planned["calibrate_rig"] == 2
    single = run("--dry-run", "--nolock", photos=photos, **settings).check()
    assert "calibrate_rig" not in single.planned
    both = run("--dry-run", photos=photos, captures=tmp_path / "captures", **settings)
    assert both.returncode and "A run has one source of images" in both.text


def test_parts_are_segmented_where_files_of_published_systems_are_wanted(photos, tmp_path):
    settings = {"photos": photos, "results": tmp_path / "out"}
    plain = run("--dry-run", "--nolock", **settings).check()
    assert "segment_parts" not in plain.planned
    wanted = run("--dry-run", "--nolock", **settings, export="{published: [3ddfa_v3]}").check()
    assert wanted.planned["segment_parts"] == 1
    wrong = run("--dry-run", "--nolock", **settings, export="{published: [hrn]}")
    assert wrong.returncode and "expected one of deep3d, 3ddfa_v3" in wrong.text


def test_training_on_photos_asks_for_their_parts_where_somebody_tells_them(photos, tmp_path):
    settings = {"photos": photos, "results": tmp_path / "out"}
    parsed = {"parsing": "{method: files, masks: m}"}
    weighed = {"coarse_training": "{parts: 0.0008}"}
    plain = run("train_coarse", "--dry-run", "--nolock", **settings, **parsed).check()
    assert plain.planned["mask_skin"] == 1 and "parse_parts" not in plain.planned
    assert "fit_face_model" not in plain.planned
    parts = run("train_coarse", "--dry-run", "--nolock", **settings, **parsed, **weighed).check()
    assert parts.planned["parse_parts"] == parts.planned["train_coarse"] == 1


def test_the_detail_layer_learns_from_this_runs_fits_or_from_made_up_people(photos, tmp_path):
    settings = {"photos": photos, "results": tmp_path / "out"}
    fitted = run("train_detail_fine", "--dry-run", "--nolock", **settings).check()
    for rule in ("fit_face_model", "segment_parts", "write_detail_dataset", "train_detail_coarse"):
        assert fitted.planned[rule] == 1, rule
    parsed = {"parsing": "{method: files, masks: m}"}
    told = run("write_detail_dataset", "--dry-run", "--nolock", **settings, **parsed).check()
    assert told.planned["parse_parts"] == 1 and "segment_parts" not in told.planned
    own = "{weights: resources/weights/detail_layer_coarse_makehuman/coarse.pt}"
    begun = run(
        "--dry-run", "--nolock", **settings, fit="{method: detail_layer}", regression=own
    ).check()  # a fit that begins with the network is not what the network learns from
    assert begun.planned["train_detail_coarse"] == begun.planned["regress_coefficients"] == 1
    assert "write_detail_dataset" not in begun.planned and begun.planned["draw_shard"]


@pytest.mark.parametrize("target", ["all", "train_coarse"])
def test_a_head_model_that_is_not_there_is_told_with_what_to_do(photos, tmp_path, target):
    settings = {"photos": photos, "results": tmp_path / "out", "face_model": "nobodys"}
    failed = run(target, "--dry-run", "--nolock", **settings)
    assert failed.returncode
    assert "nobodys.h5 is not there" in failed.text and "docs/face_models.md" in failed.text
    rebuilt = run("--dry-run", "--nolock", **settings | {"face_model": "makehuman_rebuilt"})
    assert rebuilt.check().planned["build_face_model"] == 1


def test_a_network_that_is_not_there_is_told_before_any_job_starts(photos, tmp_path):
    settings = {"photos": photos, "results": tmp_path / "out", "fit": "{method: learned}"}
    empty = run("--dry-run", "--nolock", **settings)
    assert empty.returncode and "regression.weights is empty. docs/published" in empty.text
    lost = run("--dry-run", "--nolock", **settings, regression="{weights: lost.pth}")
    assert lost.returncode and "regression.weights is lost.pth, which is not there" in lost.text
    own = "{weights: resources/weights/coarse_resnet18_makehuman/net_recon.pth}"
    backbone = "{backbone: resnet18}"
    trained = run(
        "--dry-run", "--nolock", **settings, regression=own, coarse_training=backbone
    ).check()
    assert trained.planned["train_coarse"] == trained.planned["regress_coefficients"] == 1
    assert run("train_coarse", "--dry-run", "--nolock", **settings).check().planned["mask_skin"]


def test_only_batches_with_a_truth_are_evaluated(photos, tmp_path):
    (photos / "shard.h5").write_bytes(b"x")
    (photos / "samples.tsv").write_text("image\ttruth\nanna.png\t\nbert.png\tshard.h5#x\n")
    settings = {"samples": photos / "samples.tsv", "results": tmp_path / "out", "batch_size": 1}
    done = run("--dry-run", "--nolock", **settings).check()
    assert done.planned["evaluate_heads"] == 1 and done.planned["fit_face_model"] == 2
    assert "Comparing b0002 with the truth" in done.text
    assert "scoreboard" not in done.planned


def test_a_missing_truth_ends_the_call_before_any_job(photos, tmp_path):
    (photos / "samples.tsv").write_text("image\ttruth\nanna.png\tgone.ply\n")
    done = run("--dry-run", samples=photos / "samples.tsv", results=tmp_path / "out")
    assert done.returncode
    assert "samples.tsv, line 2, column truth: the truth" in done.text
    assert "gone.ply' is not there" in done.text


@pytest.mark.slow
def test_the_profile_for_one_machine_plans_a_run_and_gives_a_reason_for_every_line(photos):
    words = ["-m", "snakemake", "--workflow-profile", "workflow/profiles/local", "--dry-run"]
    settings = ["--nolock", "--config", f"photos={photos}", f"results={photos.parent / 'out'}"]
    done = subprocess.run(
        [sys.executable, *words, *settings],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "profile workflow/profiles/local" in done.stdout
    planned = Run(done.returncode, done.stdout, 0.0).check().planned
    assert planned["export_heads"] == planned["write_report"] == 1
    lines = (PROJECT / "workflow/profiles/local/config.yaml").read_text().splitlines()
    bare = [line for line in lines if line and "#" not in line]
    assert [line for line in bare if not line.startswith("  - ")] == ["resources:"]


def test_a_wrong_setting_ends_the_call_with_one_readable_message(photos, tmp_path):
    done = run("--dry-run", photo=photos, results=tmp_path / "out")
    assert done.returncode
    assert "Unknown setting 'photo'. Did you mean 'photos'?" in done.text


def test_weights_of_shading_are_made_where_a_rule_can_and_else_told(photos, tmp_path):
    settings = {"photos": photos, "results": tmp_path / "out"}
    lost = run("--dry-run", "--nolock", **settings, shading="{method: learned, weights: lost.pt}")
    assert lost.returncode and "shading.weights is lost.pt, which is not there" in lost.text
    own = "{method: learned, weights: resources/weights/shading_learned/relief.pt}"
    made = run("--dry-run", "--nolock", **settings, shading=own).check()
    assert made.planned["train_shading"] == made.planned["shade_photos"] == 1
    none = run("--dry-run", "--nolock", **settings, shading="{method: none}").check()
    assert "shade_photos" not in none.planned and none.planned["export_heads"]


def test_weights_of_the_albedo_are_made_where_a_rule_can_and_else_told(photos, tmp_path):
    settings = {"photos": photos, "results": tmp_path / "out"}
    lost = run("--dry-run", "--nolock", **settings, albedo="{method: learned, weights: lost.pt}")
    assert lost.returncode and "albedo.weights is lost.pt, which is not there" in lost.text
    bare = {"albedo_training": "{recognition: lost.pt}", "preset": "face_texture"}
    told = run("--dry-run", "--nolock", "train_albedo", **settings, **bare)
    assert told.returncode and "albedo_training.recognition is lost.pt, which is not" in told.text
    own = {"albedo_training": "{percep: 0, recognition: ''}", "preset": "face_texture"}
    made = run("--dry-run", "--nolock", "test_albedo", **settings, **own).check()
    assert made.planned["train_albedo"] == made.planned["test_albedo"] == 1
    assert made.planned["fit_face_model"] == made.planned["remove_highlights"] == 1
    assert "draw_shard" not in made.planned and "export_heads" not in made.planned
    world = run("--dry-run", "--nolock", "train_albedo", results=tmp_path / "none", **own).check()
    assert world.planned["train_albedo"] == 1 and world.planned["draw_shard"] > 0


@pytest.mark.parametrize("section", ["implicit", "regularise", "displacement"])
def test_weights_for_captures_of_many_views_are_told_before_any_job(tmp_path, section):
    (tmp_path / "captures" / "anna").mkdir(parents=True)
    for view in "ab":
        Image.new("RGB", (8, 8)).save(tmp_path / "captures" / "anna" / f"{view}.png")
    settings = {"captures": tmp_path / "captures", "results": tmp_path / "out"}
    lost = {section: "{method: learned, weights: lost.pt}"}
    failed = run("--dry-run", "--nolock", **settings, **lost)
    assert failed.returncode and f"{section}.weights is lost.pt" in failed.text

"""What Snakemake would do, told without doing it; mistakes end before any job starts."""

import pytest
from PIL import Image

from tests.runs import run


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


def test_a_wrong_setting_ends_the_call_with_one_readable_message(photos, tmp_path):
    done = run("--dry-run", photo=photos, results=tmp_path / "out")
    assert done.returncode
    assert "Unknown setting 'photo'. Did you mean 'photos'?" in done.text

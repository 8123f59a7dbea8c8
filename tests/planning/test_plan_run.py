"""What a run knows before its first job: photos, ledger, batches."""

import gc

import pytest

from lib.planning import plan_job, plan_run, update_ledger
from lib.planning.environment import lasting_objects
from lib.planning.settings import checked_settings


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def sheet(folder, *names):
    path = folder / "samples.tsv"
    path.write_text("image\n" + "".join(f"{name}.jpg\n" for name in names), encoding="utf-8")
    return {"samples": str(path), "batch_size": 2}


def test_only_batches_with_photos_of_this_run_count(tmp_path):
    ledger = tmp_path / "batches.tsv"
    first = plan_run(checked_settings(sheet(tmp_path, "a", "b", "c")), ledger)
    assert first.batches == ["b0001", "b0002"]
    update_ledger(ledger, first.samples, 2, 1000)
    second = plan_run(checked_settings(sheet(tmp_path, "c", "d")), ledger)
    assert second.batches == ["b0002", "b0003"]
    assert list(second.ledger.batches) == ["b0001", "b0002", "b0003"]
    assert ledger.read_text(encoding="utf-8").count("\n") == 4  # planning writes nothing


def test_jobs_know_what_the_main_process_wrote(tmp_path):
    ledger = tmp_path / "batches.tsv"
    plan = plan_run(checked_settings(sheet(tmp_path, "a", "b", "c")), ledger)
    update_ledger(ledger, plan.samples, 2, 1000)
    assert plan_job(ledger) == (plan.ledger, [], plan.batches)


def test_jobs_know_of_their_own_batches_alone(tmp_path):
    ledger = tmp_path / "batches.tsv"
    plan = plan_run(checked_settings(sheet(tmp_path, "a", "b", "c")), ledger)
    update_ledger(ledger, plan.samples, 2, 1000)
    of_batch = ["snakemake", "--target-jobs", "fit_face_model:batch=b0002", "--cores", "1"]
    known = plan_job(ledger, of_batch)
    assert known.ledger.rows == tuple(row for row in plan.ledger.rows if row.batch == "b0002")
    assert known.batches == ["b0002"]
    everything = plan_job(ledger)
    for words in ([], ["write_report:"], ["write_report:", "fit:batch=b0002"], ["x:batch=b1x"]):
        assert plan_job(ledger, ["snakemake", "--target-jobs", *words, "--nolock"]) == everything


def test_objects_that_last_are_out_of_the_collectors_sight():
    with lasting_objects():
        assert not gc.isenabled()
        kept = [[index] for index in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(kept)

"""Limits that a scheduler is told: by the images of a batch, more at every try."""

import re
from pathlib import Path

import pytest

from lib.planning.cost import SECONDS, job_minutes, job_threads

RULES = Path(__file__).parents[2] / "rules"


def test_minutes_grow_with_images_and_tries():
    assert job_minutes("plan_batch", 0) == 1
    small, large = (job_minutes("fit_face_model", images) for images in (8, 64))
    assert small < large < 8 * small
    assert job_minutes("fit_face_model", 64, attempt=3) == 3 * large


def test_an_unmeasured_rule_is_refused():
    with pytest.raises(KeyError, match="fold_napkins"):
        job_minutes("fold_napkins", 1)


def test_every_rule_that_works_on_batches_has_limits():
    text = "\n".join(path.read_text(encoding="utf-8") for path in RULES.glob("*.smk"))
    rules = dict(re.findall(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", text, re.MULTILINE | re.DOTALL))
    limited = {name for name, body in rules.items() if f'minutes_of("{name}")' in body}
    on_batches = {name for name, body in rules.items() if re.search(r"log:\s+\S*\{batch\}", body)}
    assert limited == on_batches - {"plan_batch"}  # that one runs where Snakemake does
    assert limited <= set(SECONDS)
    for name, body in rules.items():
        if "mem_mb=" in body:
            assert "mem_mb=more_each_try(" in body and "runtime=" in body, name


@pytest.mark.parametrize(
    ("batches", "cores", "threads"), [(1, 1, 1), (1, 2, 2), (2, 2, 1), (7, 8, 2), (8, 8, 1)]
)
def test_jobs_take_one_thread_where_every_core_has_a_batch(batches, cores, threads):
    assert job_threads(batches, cores) == threads


def test_a_job_of_a_cluster_has_its_own_cores():
    assert job_threads(1000, None) == 2

"""A synthetic world grows shard by shard, and its photos run through the line like any others."""

import csv
import os
import shutil

import pytest

from lib.artefacts import BatchReader, Truth
from tests.runs import PROJECT, run

pytestmark = pytest.mark.slow

PARTS = ("Snakefile", "config.yaml", "rules", "scripts", "lib", "workflow", "envs")
WORLD = "out/synthetic/makehuman_photo_0"
TINY = "height_px: 64, width_px: 64, texture_px: 256, maps_px: 64, shard_size: 2"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project as it is now; nothing that it makes lands in the real one."""
    folder = tmp_path_factory.mktemp("world")
    for name in PARTS:
        source = PROJECT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    return folder


def draw(folder, count, *arguments):
    settings = f"{{{TINY}, count: {count}}}"
    return run(
        "synthesise", *arguments, cwd=folder, results="out", device="cpu", synthesis=settings
    ).check()


def world(folder):
    """Path below the world -> bytes of its shards and photos, and time of change."""
    return {
        str(path.relative_to(folder / WORLD)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (folder / WORLD).rglob("*")
        if path.suffix in (".h5", ".jpg")
    }


def test_a_world_grows_by_the_shards_that_are_new_and_the_line_takes_its_photos(project):
    assert sorted(draw(project, 2).jobs) == ["draw_shard", "synthesise"]
    with BatchReader(project / WORLD / "shard_0000.h5", Truth) as shard:
        assert shard.captures == ("photo_000000", "photo_000001")
    first = world(project)
    assert len(first) == 1 + 2 + 1  # shard, photos, contact sheet

    assert draw(project, 2).jobs == []
    assert world(project) == first

    assert sorted(draw(project, 3).jobs) == ["draw_shard", "synthesise"]
    grown = world(project)
    assert {name: grown[name] for name in first} == first
    assert set(grown) - set(first) == {
        "shard_0001.h5",
        "photos_0001/photo_000002.jpg",
        "sheets/0001.jpg",
    }

    assert sorted(draw(project, 4).jobs) == ["draw_shard", "synthesise"], "a shard fills up"
    full = world(project)
    assert {name: full[name] for name in first} == first
    with BatchReader(project / WORLD / "shard_0001.h5", Truth) as shard:
        assert shard.captures == ("photo_000002", "photo_000003")

    sheet = project / WORLD / "samples.tsv"
    with open(sheet, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["capture"] for row in rows] == [f"photo_{index:06d}" for index in range(4)]
    assert all(os.path.isfile(sheet.parent / row["image"]) for row in rows)
    planned = run("--dry-run", cwd=project, results="out", samples=sheet, batch_size=2)
    assert planned.check().planned["evaluate_heads"] == 2
    assert "draw_shard" not in planned.planned

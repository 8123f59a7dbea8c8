"""The real workflow on tiny pictures: a project copy that tests may edit, and a finished run."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from tests.benchmarks.odd_photos import no_face, portrait
from tests.runs import PROJECT, Run, command, run

NETWORKS = PROJECT / "resources" / "landmark_models"
PARTS = ("Snakefile", "config.yaml", "rules", "scripts", "lib", "workflow", "envs", "resources")
SMALL = """
import: {max_side_px: 384}
landmarks: {augmentations: 2}
fit: {landmark_iterations: 4, photometric_iterations: 3, samples: 400, crop_px: 96}
texture: {uv_size: 128}
export: {overlay_side_px: 200, turntable_px: 64, glb_texture_px: 128}
"""
PRIVATE = "behind the old mill"
NOT_REPEATABLE = (
    "logs",
    "benchmarks",
    "report.html",
    "timings.tsv",
    ".run.lock",
    ".batches.tsv.lock",
)


@dataclass(frozen=True)
class Place:
    """A folder with a copy of the project, photos and results."""

    folder: Path

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def results(self) -> Path:
        return self.folder / "out"

    def copy(self, folder: Path) -> Place:
        """A copy of everything, times of change included; Snakemake sees no difference."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Place(folder)

    def call(self, *arguments: str, **config: object) -> Run:
        """Run the workflow here, on the folder `photos` where nothing else is said."""
        return run(*self._settings(arguments, config), cwd=self.folder, **self._config(config))

    def command(self, **config: object) -> list[str]:
        """The command line of `call`."""
        return command(*self._settings((), config), **self._config(config))

    def planned(self, *arguments: str, **config: object) -> Counter[str]:
        """Jobs per rule that would run, without the target rule."""
        return self.call("--dry-run", *arguments, **config).check().planned

    def files(self) -> dict[str, str]:
        """Path below the results -> sha256, of everything that must be the same in every run."""
        return {
            str(path.relative_to(self.results)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.results.rglob("*"))
            if path.is_file()
            and path.relative_to(self.results).parts[0] not in NOT_REPEATABLE
            and path.name not in ("batches.tsv", "batch.tsv", ".snakemake_timestamp")
        }

    def times(self, batch: str) -> dict[str, int]:
        """Time of change of every file of a batch."""
        files = (path for path in (self.results / batch).rglob("*") if path.is_file())
        return {str(path): path.stat().st_mtime_ns for path in files}

    @staticmethod
    def _settings(arguments: tuple[str, ...], config: dict[str, object]) -> tuple[str, ...]:
        return ("--configfile", "small.yaml", *arguments)

    @staticmethod
    def _config(config: dict[str, object]) -> dict[str, object]:
        source = {} if "samples" in config else {"photos": "photos"}
        return {**source, "results": "out", **config}


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A copy of the project as it is now: every run of the session uses the same code."""
    if not (NETWORKS / "face_landmark.tflite").exists():
        pytest.skip(
            "the landmark networks are not in resources/: snakemake --cores 1 fetch_landmark_models"
        )
    folder = tmp_path_factory.mktemp("workflow") / "project"
    folder.mkdir()
    for name in PARTS:
        source = PROJECT / name
        if name == "resources":
            (folder / name).symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, folder / name)  # compiled functions come along
        else:
            shutil.copy2(source, folder / name)
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    (folder / "photos").mkdir()
    return folder


@pytest.fixture
def new(finished, tmp_path) -> Place:
    """A place where nothing has run; what the finished run compiled comes along."""
    folder = tmp_path / "new"
    ignored = shutil.ignore_patterns("out", "photos", ".snakemake")
    shutil.copytree(finished.folder, folder, symlinks=True, ignore=ignored)
    (folder / "photos").mkdir()
    return Place(folder)


def save(path: Path, pixels, exif: Image.Exif | None = None) -> None:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"exif": exif} if exif else {}))


def private_exif() -> Image.Exif:
    """An EXIF block with words and a place that nobody else may learn of."""
    exif = Image.Exif()
    exif[Base.ImageDescription] = exif[Base.Artist] = PRIVATE
    exif.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitudeRef: "N",
            GPS.GPSLatitude: (48.0, 12.0, 34.5),
            GPS.GPSAreaInformation: PRIVATE,
        }
    )
    return exif


@pytest.fixture(scope="session")
def finished(project) -> Place:
    """A finished run on a portrait, a picture without a face and a text; do not change it."""
    place = Place(project).copy(project.parent / "finished")
    save(place.photos / "anna.png", portrait(200), private_exif())
    save(place.photos / "coffee.jpg", no_face()[::2, ::2])
    (place.photos / "text.jpg").write_text("no photo", encoding="utf-8")
    place.call().check()
    return place


@pytest.fixture
def again(finished, tmp_path) -> Place:
    """A copy of the finished run that a test may change."""
    return finished.copy(tmp_path / "again")

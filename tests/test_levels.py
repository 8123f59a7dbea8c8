"""Who may import whom: rooms import only downwards, and the Snakefile imports nothing heavy."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
LEVELS = [
    {"atomic", "errors"},
    {"devices", "inputs", "log"},
    {"geometry", "imaging"},
    {"artefacts", "facemodel", "networks", "planning", "render"},
    {"uvspace"},
    {
        *("captures", "detection", "landmarks", "skin", "rig", "fitting", "base", "implicit"),
        *("regression", "parsing", "regularisation", "segmentation", "texture"),
        *("albedo", "displacement", "highlights", "metrics", "shading"),
    },
    {"evaluation", "export", "figures", "synthesis", "training"},
    {"report"},
]
LEVEL = {room: depth for depth, rooms in enumerate(LEVELS) for room in rooms}
FILES = sorted((PROJECT / "lib").rglob("*.py"))
OUR_OWN = {"lib", "scripts", "tests", "rules", "workflow"}


def room_of(path):
    return path.relative_to(PROJECT / "lib").parts[0].removesuffix(".py")


def imported_modules(path):
    """Full names of all modules that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            names = [alias.name for alias in node.names] if node.module == "lib" else [""]
            yield from (f"{node.module}.{name}".rstrip(".") for name in names)


def test_every_room_has_a_level():
    assert {room_of(path) for path in FILES} - {"__init__"} <= set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_room_imports_only_below_itself(path):
    room = room_of(path)
    modules = set(imported_modules(path))
    foreign = {name.split(".")[0] for name in modules} & (OUR_OWN - {"lib"} | {"snakemake"})
    assert not foreign, f"lib knows nothing of {sorted(foreign)}"
    rooms = {name.split(".")[1] for name in modules if name.startswith("lib.")}
    wrong = {other for other in rooms - {room} if LEVEL[other] >= LEVEL.get(room, 0)}
    assert not wrong, f"lib.{room} may not import {sorted(wrong)}"


def test_only_the_renderer_and_the_devices_speak_of_cuda():
    speaking = {
        room_of(path)
        for path in FILES
        if re.search(r"cuda", path.read_text(encoding="utf-8"), re.IGNORECASE)
    }
    assert speaking <= {"render", "devices"}


def test_artefacts_need_numpy_and_h5py_alone():
    files = (PROJECT / "lib" / "artefacts").rglob("*.py")
    modules = {name.split(".")[0] for path in files for name in imported_modules(path)}
    assert modules - set(sys.stdlib_module_names) == {"lib", "numpy", "h5py"}


def test_scripts_import_only_the_library():
    for path in (PROJECT / "scripts").glob("*.py"):
        modules = {name.split(".")[0] for name in imported_modules(path)}
        assert not modules & (OUR_OWN - {"lib"} | {"snakemake"}), path.name


HEAVY = {"torch", "cv2", "numba", "scipy", "skimage", "matplotlib", "trimesh", "dlib"}


def test_parsing_and_planning_import_nothing_heavy(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "anna.jpg").write_bytes(b"x")
    command = [sys.executable, "-X", "importtime", "-m", "snakemake", "--dry-run", "--cores", "1"]
    command += ["--quiet", "--nolock", "--config"]
    command += [f"photos={tmp_path / 'photos'}", f"results={tmp_path / 'out'}"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "lib.planning" in imported
    assert not {name.split(".")[0] for name in imported} & HEAVY


def test_test_files_have_names_of_their_own():
    """Pytest imports them by name alone."""
    names = [path.name for path in (PROJECT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))

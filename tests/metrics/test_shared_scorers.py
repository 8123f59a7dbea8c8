"""Agreement with independent scorers on the same inputs, where a folder of them is given.

`VISAGRAPH_EVAL` names the folder with score_mesh.py, score_landmarks.py and score_highlight.py;
`pytest tests/metrics/test_shared_scorers.py -s` prints both columns and their differences.
"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib.geometry import SurfaceTree
from lib.metrics import (
    Mesh,
    MeshScoreOptions,
    Region,
    SurfaceSample,
    score_landmarks,
    score_removal,
    score_surface,
)
from lib.metrics.importers import read_mesh
from lib.metrics.surface import normals_at
from tests.metrics.heads import MOVED, SCALED, TURNED, true_head


def scorer(name):
    folder = os.environ.get("VISAGRAPH_EVAL")
    if not folder:
        pytest.skip("VISAGRAPH_EVAL is not set: no independent scorers")
    path = Path(folder) / f"{name}.py"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    found = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def shared_data(*names):
    folder = os.environ.get("VISAGRAPH_DATA")
    if not folder:
        pytest.skip("VISAGRAPH_DATA is not set: no scan with truth")
    return [Path(folder, "lps_rigA", "gt", name) for name in names]


def table(title, ours, theirs):
    """Prints and returns the differences by name."""
    print(f"\n{title:<40s}{'theirs':>12s}{'ours':>12s}{'difference':>13s}")
    for name, value in ours.items():
        print(f"  {name:<38s}{theirs[name]:12.5f}{value:12.5f}{value - theirs[name]:+13.6f}")
    return {name: abs(value - theirs[name]) for name, value in ours.items()}


def our_mesh_numbers(result):
    return {
        "accuracy median mm": result.accuracy.median,
        "accuracy mean mm": result.accuracy.mean,
        "accuracy std mm": result.accuracy.std,
        "accuracy p90 mm": result.accuracy.p90,
        "reverse mean mm": result.reverse.mean,
        "complete 0.2 mm": result.completeness[0],
        "complete 0.5 mm": result.completeness[1],
        "complete 1.0 mm": result.completeness[2],
        "missing 5 mm": result.missing,
        "normals mean deg": result.normals.mean_deg,
        "normals median deg": result.normals.median_deg,
        "signed bias mm": result.signed_median_mm,
        "detail median mm": result.detail.median_mm,
        "detail rms mm": result.detail.rms_mm,
        "scale": result.alignment.scale,
    }


def their_mesh_numbers(out):
    return {
        "accuracy median mm": out["accuracy_mm"]["median"],
        "accuracy mean mm": out["accuracy_mm"]["mean"],
        "accuracy std mm": out["accuracy_mm"]["std"],
        "accuracy p90 mm": out["accuracy_mm"]["p90"],
        "reverse mean mm": out["reverse_mm"]["mean"],
        "complete 0.2 mm": out["completeness"]["0.2mm"],
        "complete 0.5 mm": out["completeness"]["0.5mm"],
        "complete 1.0 mm": out["completeness"]["1.0mm"],
        "missing 5 mm": out["missing_5mm"],
        "normals mean deg": out["normal_deg"]["mean"],
        "normals median deg": out["normal_deg"]["median"],
        "signed bias mm": out["signed_bias_mm"],
        "detail median mm": out["detail_residual_mm"]["median"],
        "detail rms mm": out["detail_residual_mm"]["rms"],
        "scale": out["scale"],
    }


def both_on_meshes(module, reconstruction, truth, region, alignment, points, same_points):
    """Numbers of both; with `same_points` ours are measured at the points that theirs drew."""
    import trimesh

    meshes = [
        trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False)
        for mesh in (reconstruction, truth)
    ]
    arguments = ["rec", "gt", "--align", {"known": "none"}.get(alignment, alignment)]
    arguments += ["--samples", str(points)]
    if region.vertices is None:
        arguments += ["--center", *map(str, region.centre), "--radius", str(region.radius_mm)]
    else:
        arguments += ["--region", "mask", "--region-file", "given", "--center", "0", "0", "0"]
        module.np = _numpy_that_loads(region.vertices)
    parsed = module.parser().parse_args(arguments)
    theirs = module.score(*meshes, parsed, truth.landmarks, reconstruction.landmarks)
    sample = None
    if same_points:
        drawn, triangles, weights = module.sample(meshes[1], points)
        normals = normals_at(truth.vertices, truth.triangles, triangles, weights)
        sample = SurfaceSample(drawn, normals, triangles, weights)
    ours = score_surface(
        reconstruction, truth, region, MeshScoreOptions(alignment, points=points), sample
    )
    return our_mesh_numbers(ours), their_mesh_numbers(theirs)


def search_exactly(module):
    """Their nearest points by an exact search, in place of the nearest of a few candidates."""
    first = module.Surface.__init__

    def start(self, mesh, *rest):
        first(self, mesh, *rest)
        self.exact = SurfaceTree(mesh.vertices, mesh.faces, backend="numba")

    def closest(self, points, k=6):
        found = self.exact.nearest(points)
        return found.points, found.distance_mm, found.triangles

    module.Surface.__init__, module.Surface.closest = start, closest


class _numpy_that_loads:
    """NumPy whose `load` gives the region, so that no file is written."""

    def __init__(self, region):
        self.load = lambda path: region

    def __getattr__(self, name):
        return getattr(np, name)


# Theirs takes the nearest of six candidate triangles, which is not always the nearest of all.
LOOSE = {"accuracy": 0.02, "reverse": 0.02, "complete": 0.01, "missing": 1e-3, "normals": 0.1}
LOOSE |= {"signed": 2e-3, "detail": 5e-3, "scale": 1e-4}
# The reverse is measured at points that each draws by itself.
# An alignment of theirs may go to and fro by some 1e-4 mm where ours settles.
TIGHT = {"accuracy": 1e-4, "reverse": 5e-3, "complete": 5e-5, "missing": 1e-6, "normals": 1e-4}
TIGHT |= {"signed": 2e-4, "detail": 5e-5, "scale": 3e-6}


@pytest.mark.parametrize("exact", [True, False], ids=["exact search", "their search"])
@pytest.mark.parametrize("alignment", ["known", "rigid", "similarity"])
@pytest.mark.parametrize("change", ["moved", "turned", "scaled", "bent"])
def test_mesh_scores_agree_on_a_changed_head(change, alignment, exact):
    module, head = scorer("score_mesh"), true_head(fine=True)
    if exact:
        search_exactly(module)
    x, y = head.mesh.vertices[:, 0], head.mesh.vertices[:, 1]
    made = {
        "moved": lambda: head.under(MOVED),
        "turned": lambda: head.under(TURNED),
        "scaled": lambda: head.under(SCALED),
        "bent": lambda: head.along_normals(np.cos(x / 20) + 0.2 * np.sin(y)),
    }[change]()
    if alignment == "rigid":  # theirs starts where the mesh is
        made = Mesh(made.vertices, made.triangles)
    ball = Region(centre=head.mesh.landmarks[30], radius_mm=70.0)
    ours, theirs = both_on_meshes(module, made, head.mesh, ball, alignment, 20_000, True)
    search = "exact search" if exact else "their search"
    differences = table(f"{change}, {alignment}, {search}", ours, theirs)
    for name, difference in differences.items():
        assert difference < (TIGHT if exact else LOOSE)[name.split()[0]], name


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exact search", "their search", "own points"])
@pytest.mark.parametrize("alignment", ["known", "rigid"])
def test_mesh_scores_agree_on_a_scan_without_its_detail(alignment, kind):
    module = scorer("score_mesh")
    smooth, full, visible = shared_data(
        "mesh_without_displacement.ply", "mesh.ply", "region_visible2.npy"
    )
    if kind == "exact search":
        search_exactly(module)
    region = Region(vertices=np.load(visible))
    ours, theirs = both_on_meshes(
        module, read_mesh(smooth), read_mesh(full), region, alignment, 120_000, kind != "own points"
    )
    differences = table(f"scan less detail, {alignment}, {kind}", ours, theirs)
    for name, difference in differences.items():
        assert difference < (TIGHT if kind == "exact search" else LOOSE)[name.split()[0]], name


@pytest.mark.parametrize(
    ("theirs_norm", "ours_norm"),
    [("interocular", "interocular"), ("ipd", "pupils"), ("bbox", "box")],
)
@pytest.mark.parametrize("subset", ["all", "inner51"])
def test_landmark_scores_agree(theirs_norm, ours_norm, subset):
    module = scorer("score_landmarks")
    generator = np.random.default_rng(3)
    true = generator.uniform(0, 200, (40, 68, 2))
    true[:, 36], true[:, 45] = (50, 80), (150, 82)
    size = generator.uniform(0, 8, (40, 1, 1))
    found = true + size * generator.standard_normal(true.shape)
    visible = generator.random((40, 68)) > 0.2
    true[3, 5] = np.nan
    theirs = np.array(
        [
            module.nme(one, other, theirs_norm, subset, seen)
            for one, other, seen in zip(found, true, visible)
        ]
    )
    chosen = np.arange(17, 68) if subset == "inner51" else None
    ours = score_landmarks(found, true, visible, ours_norm, chosen)
    np.testing.assert_allclose(ours.nme, theirs, rtol=1e-12)
    levels = np.linspace(0, 0.08, 801)
    area = np.trapezoid([(theirs <= level).mean() for level in levels], levels) / 0.08
    differences = table(
        f"landmarks, {ours_norm}, {subset}",
        {
            "NME mean": ours.mean,
            "NME median": ours.median,
            "failures 8 %": ours.failure_rate[0],
            "failures 10 %": ours.failure_rate[1],
            "AUC 8 %": ours.auc[0],
        },
        {
            "NME mean": theirs.mean(),
            "NME median": np.median(theirs),
            "failures 8 %": (theirs > 0.08).mean(),
            "failures 10 %": (theirs > 0.1).mean(),
            "AUC 8 %": area,
        },
    )
    assert max(differences.values()) < 1e-12


def test_highlight_scores_agree(tmp_path):
    module = scorer("score_highlight")
    generator = np.random.default_rng(5)
    y, x = np.mgrid[:96, :80]
    true = np.stack([0.5 + 0.2 * np.sin(x / 9 + c) * np.cos(y / 7) for c in range(3)], axis=2)
    true[:, :10] = 0
    specular = np.exp(-((x - 50) ** 2 + (y - 40) ** 2) / 200)[..., None] * np.ones(3)
    found = np.clip(true + 0.1 * specular + 0.02 * generator.standard_normal(true.shape), 0, 1)
    pictures, paths = {}, {}
    for name, picture in (("found", found), ("true", true), ("specular", specular)):
        bytes_ = np.round(picture * 255).astype(np.uint8)
        paths[name] = str(tmp_path / f"{name}.png")
        Image.fromarray(bytes_).save(paths[name])
        pictures[name] = bytes_ / 255.0
    theirs = module.one(paths["found"], paths["true"], s=paths["specular"])
    ours = score_removal(pictures["found"], pictures["true"], pictures["specular"])
    differences = table(
        "highlights",
        {
            "face_pred_psnr": ours.face.psnr_db,
            "face_pred_ssim": ours.face.ssim,
            "highlight_pred_psnr": ours.highlight.psnr_db,
            "highlight_pred_ssim": ours.highlight.ssim,
        },
        theirs,
    )
    assert max(differences.values()) < 1e-9

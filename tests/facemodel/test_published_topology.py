"""The published index files are what the project takes them for.

They come with Deep3DFaceRecon_pytorch (folder BFM) and are not part of this project:

    VISAGRAPH_BFM=FOLDER pytest tests/facemodel/test_published_topology.py
"""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from lib.facemodel.bfm.deep3d import FRONT, INFO, TRIM
from lib.facemodel.bfm.source import N_TRIANGLES, N_VERTICES, indices
from lib.geometry.aligned_crop import STANDARD_FIVE, standard_five

FOLDER = Path(os.environ.get("VISAGRAPH_BFM", "/nowhere"))
# iBUG order: jaw, brows, nose, eyes, outer and inner lips; vertices from 1.
KEYPOINTS = """
16645 16889 16468 16265 32245 32940 33376 33655 33839 34023 34313 34767 35473 27817 27609 27209
27441 28112 28788 29178 29383 29550 30289 30455 30663 31057 31717 8162 8178 8188 8193 6516 7244
8205 9164 9884 2216 3887 4921 5829 4802 3641 10456 11354 12384 14067 12654 11493 5523 6026 7496
8216 8936 10396 10796 9556 8837 8237 7637 6916 5910 7385 8224 9065 10538 8830 8230 7630
"""


def read(name):
    if not (FOLDER / name).is_file():
        pytest.skip(f"VISAGRAPH_BFM names no folder with {name}")
    return scipy.io.loadmat(FOLDER / name)


@pytest.fixture(scope="module")
def info():
    return read(INFO)


def known_by_corners(triangles):
    return {tuple(sorted(triangle)) for triangle in triangles.tolist()}


def test_the_front_is_a_part_of_all_vertices(info):
    front = indices(info["frontmask2_idx"].ravel(), 1)
    assert len(front) == 27_660
    assert np.flatnonzero(front != np.arange(len(front)))[0] + 1 == 16_238  # counted from 1
    np.testing.assert_array_equal(front, np.flatnonzero(info["frontmask2"].ravel()))


def test_every_vertex_has_at_most_eight_triangles(info):
    triangles = indices(info["tri"], 1)
    valence = np.bincount(triangles.ravel(), minlength=N_VERTICES)
    assert triangles.shape == (N_TRIANGLES, 3) and len(valence) == N_VERTICES
    assert valence.max() == 8 and valence.sum() == 212_367
    around = indices(info["point_buf"], 1)
    np.testing.assert_array_equal((around < N_TRIANGLES).sum(1), valence)


def test_triangles_of_the_front_count_its_own_vertices(info):
    """The published training takes them for triangles of all vertices; two fifths are none."""
    front = indices(info["frontmask2_idx"].ravel(), 1)
    masked = indices(info["tri_mask2"], 1)
    mesh = known_by_corners(indices(info["tri"], 1))
    assert len(masked) == 54_681
    assert known_by_corners(front[masked]) <= mesh
    assert sum(tuple(sorted(t)) not in mesh for t in masked.tolist()) == 22_721


def test_vertices_are_chosen_in_two_steps(info):
    trim = indices(read(TRIM)["trimIndex"].ravel(), 1)
    front = indices(read(FRONT)["idx"].ravel(), 1)
    chosen = indices(read("select_vertex_id.mat")["select_id"].ravel(), 1)
    assert (len(trim), len(front)) == (53_215, N_VERTICES)
    np.testing.assert_array_equal(trim[front], chosen)


def test_the_68_points_are_the_published_vertices(info):
    expected = np.array(KEYPOINTS.split(), np.int64)
    np.testing.assert_array_equal(info["keypoints"].ravel().astype(np.int64), expected)


def test_the_standard_face_is_that_of_the_published_68_points():
    points = read("similarity_Lm3D_all.mat")["lm"].astype(np.float64)
    found = np.column_stack([standard_five(points[:, :2]), standard_five(points[:, 1:])[:, 1]])
    np.testing.assert_allclose(found, STANDARD_FIVE, atol=1e-6)

"""The same bytes in any process, with any number of threads."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lib.synthesis.chance import mixed

PROJECT = Path(__file__).parents[2]
DRAW = """
import hashlib, sys
import numpy as np, torch
from lib.facemodel import load_face_model
from lib.synthesis import draw_capture, open_studio
from tests.synthesis.worlds import PHOTOS
from dataclasses import replace

torch.set_num_threads(int(sys.argv[1]))
studio = open_studio(load_face_model("makehuman"))
capture = draw_capture(studio, replace(PHOTOS, things=1.0), 3)
for name in capture.truth.specs():
    value = getattr(capture.truth, name)
    parts = value if isinstance(value, tuple) else (value,)
    parts = [p.encode() if isinstance(p, str) else np.ascontiguousarray(p).tobytes() for p in parts]
    print(name, hashlib.sha256(b"".join(parts)).hexdigest())
print("jpeg", hashlib.sha256(capture.photos[0].jpeg).hexdigest())
"""


def drawn(threads, hash_seed):
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "NUMBA_NUM_THREADS": str(threads),
        "PYTHONHASHSEED": str(hash_seed),
    }
    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(threads)],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_photo_has_the_same_bytes_in_another_process_with_other_threads():
    one = drawn(threads=1, hash_seed=1)
    assert len(one) > 40
    assert drawn(threads=2, hash_seed=7) == one


def test_mixed_fields_are_weighted_sums():
    chance = np.random.default_rng(0)
    fields = chance.standard_normal((7, 5, 3)).astype(np.float32)
    weights = chance.standard_normal((2, 7)).astype(np.float32)
    np.testing.assert_allclose(mixed(weights, fields), np.tensordot(weights, fields, 1), atol=1e-5)
    np.testing.assert_array_equal(mixed(weights[1], fields), mixed(weights, fields)[1])
    assert mixed(weights, fields[..., 0]).shape == (2, 5)

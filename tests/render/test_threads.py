"""Loops side by side: all done, errors kept, and nobody else's threads touched."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lib.render import threads

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("count", [1, 2, 5, 50])
def test_every_task_is_done_once(count):
    done = []
    threads.run([lambda k=k: done.append(k) for k in range(20)], count)
    assert sorted(done) == list(range(20))


def test_tasks_run_side_by_side():
    barrier, arrived = threading.Barrier(3, timeout=20), []
    threads.run([lambda: arrived.append(barrier.wait())] * 3, 3)  # one by one would time out
    assert sorted(arrived) == [0, 1, 2]


def test_an_error_waits_for_the_others_and_is_raised():
    finished = []

    def late():
        time.sleep(0.1)
        finished.append(True)

    def broken():
        raise ValueError("row 7")

    with pytest.raises(ValueError, match="row 7"):
        threads.run([broken, late], 2)
    assert finished
    with pytest.raises(ValueError, match="row 7"):
        threads.run([late, broken], 2)


def test_calls_from_several_threads_do_not_wait_for_each_other_forever():
    results = []
    callers = [
        threading.Thread(
            target=lambda: threads.run([lambda: results.append(1) for _ in range(8)], 3)
        )
        for _ in range(6)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=20)
    assert len(results) == 48


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_has_threads_of_its_own():
    code = """
import os
from lib.render import threads
threads.run([lambda: None] * 4, 2)
child = os.fork()
if child == 0:
    threads.run([lambda: None] * 4, 2)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    seen = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert seen.stdout.strip() == "7"


@pytest.mark.slow
def test_rendering_leaves_the_number_of_threads_of_torch_alone():
    code = """
import torch
torch.set_num_threads(1)
from lib.render.differentiable import interpolate, rasterise
clip = torch.rand(2, 30, 4) + 0.5
triangles = torch.arange(30).reshape(-1, 3)
raster = rasterise(clip, triangles, (8, 8))
interpolate(clip, raster, triangles)
print(torch.get_num_threads())
"""
    seen = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert seen.stdout.strip() == "1"


def test_rows_are_shared_out_whole_and_small_images_are_not_shared():
    for height, width, images, count in ((1, 1, 1, 8), (224, 224, 1, 2), (1024, 999, 3, 16)):
        bands = threads.row_bands(height, width, images, count)
        assert [row for band in bands for row in range(height)[band]] == list(range(height))
    assert len(threads.row_bands(100, 100, 1, 8)) == 1
    assert len(threads.row_bands(1024, 1024, 1, 8)) == 8
    assert len(threads.row_bands(1024, 1024, 8, 8)) == 1


def test_sums_are_kept_apart_by_the_size_of_the_problem_alone():
    assert len(threads.row_chunks(224, 224, 35_000)) == 1
    assert len(threads.row_chunks(1024, 1024, 35_000)) == 8
    assert len(threads.row_chunks(1024, 1024, 500_000)) == 1

"""Strips: every row once, on any number of threads, and PyTorch's own threads as they were."""

from __future__ import annotations

import threading

import pytest
import torch

from lib.uvspace.strips import each_strip, row_strips

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize(("rows", "held", "halo"), [(100, 40, 7), (100, 10**6, 7), (5, 1, 0)])
def test_every_row_is_written_once_and_those_around_are_read(threads, rows, held, halo):
    written = torch.zeros(rows)

    def work(strip):
        written[strip.write] += 1
        assert strip.read.start == max(0, strip.write.start - halo)
        assert strip.read.stop == min(rows, strip.write.stop + halo)
        assert range(rows)[strip.read][strip.inner] == range(rows)[strip.write]

    each_strip(work, rows, held, halo, CPU)
    assert (written == 1).all()
    assert torch.get_num_threads() == threads


def test_threads_share_the_strips_and_keep_to_one_core_each(threads):
    seen, meet = set(), threading.Barrier(min(threads, 2), timeout=20)

    def work(strip):
        meet.wait()
        seen.add((threading.get_ident(), torch.get_num_threads()))

    each_strip(work, 32, 10**6, 0, CPU)
    assert {count for _, count in seen} == {1}
    assert len(seen) >= min(threads, 2)


def test_what_fails_is_told_and_leaves_the_threads(threads):
    def work(strip):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        each_strip(work, 50, 10, 1, CPU)
    assert torch.get_num_threads() == threads


def test_strips_are_at_least_eight_rows():
    assert [strip.write for strip in row_strips(20, 1, 3)] == [
        slice(0, 8),
        slice(8, 16),
        slice(16, 20),
    ]

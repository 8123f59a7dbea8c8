"""However many jobs end, one thread waits to look at the others again."""

import threading
import time

from snakemake.scheduling.job_scheduler import JobScheduler

from lib.planning.scheduler import wake_once


class Scheduler:
    """The part of Snakemake's that wakes itself."""

    def __init__(self):
        self._open_jobs = threading.Semaphore(0)

    _schedule_reevalutation = JobScheduler._schedule_reevalutation


def look(scheduler, seconds, delay):
    """How often jobs are looked at within some seconds, each look asking for the next."""
    looks, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if scheduler._open_jobs.acquire(timeout=0.01):
            looks += 1
            scheduler._schedule_reevalutation(delay)
    return looks


def test_many_jobs_that_end_do_not_make_it_look_more_often():
    scheduler = Scheduler()
    wake_once(scheduler)
    scheduler._open_jobs.release(50)  # fifty jobs end
    assert 50 < look(scheduler, 1.0, 0.1) <= 50 + 10
    assert threading.active_count() < 20


def test_without_it_snakemake_does():
    """As long as this holds, it is needed."""
    scheduler = Scheduler()
    scheduler._open_jobs.release(50)
    assert look(scheduler, 1.0, 0.25) > 50 + 2 * 50


def test_another_scheduler_is_left_alone():
    other = object()
    wake_once(other)

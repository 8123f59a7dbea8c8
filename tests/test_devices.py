"""Jobs on one machine never share a GPU, and never take what a scheduler gave to another."""

import os
import subprocess
import sys

import pytest

from lib.devices import gpu_pool, lease_gpus, pick_device
from lib.errors import ConfigError

HOLD = """
import sys
from lib.devices import lease_gpus
with lease_gpus(int(sys.argv[1]), timeout_s=30) as ids:
    import os
    print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """An environment without schedulers, with its own lock folder and two GPUs."""
    for name in ("SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("VISAGRAPH_GPU_LOCKS", str(tmp_path))
    monkeypatch.setenv("VISAGRAPH_GPU_IDS", "3,5")
    return monkeypatch


@pytest.fixture
def jobs():
    """Starts jobs that hold GPUs until their standard input closes."""
    started = []

    def start(count=1):
        job = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(job)
        return job

    yield start
    for job in started:
        job.kill()
        job.wait()
        job.stdin.close()
        job.stdout.close()


def visible(job):
    return job.stdout.readline().strip()


def test_two_jobs_get_two_devices(machine, jobs):
    assert {visible(jobs()), visible(jobs())} == {"3", "5"}


def test_a_killed_job_frees_its_device_at_once(machine, jobs):
    first, second = jobs(), jobs()
    devices = visible(first), visible(second)
    waiting = jobs()
    first.kill()
    assert visible(waiting) == devices[0]


def test_a_job_for_both_devices_waits_for_both(machine, jobs):
    first = jobs()
    visible(first)
    both = jobs(2)
    with pytest.raises(TimeoutError, match="no 2 free GPU of 3, 5"), lease_gpus(2, timeout_s=0.1):
        pass
    first.stdin.close()
    assert visible(both) == "3,5"


def test_leases_in_one_process_come_back(machine):
    with lease_gpus(1) as ids:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ids[0] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    with lease_gpus(2) as ids:
        assert ids == ("3", "5")


def test_more_devices_than_there_are_is_an_error(machine):
    with pytest.raises(ConfigError, match="asks for 3 GPUs, there are 2"), lease_gpus(3):
        pass


@pytest.mark.parametrize("name", ["SLURM_JOB_ID", "PBS_JOBID"])
def test_what_a_scheduler_gave_is_kept(machine, name):
    machine.setenv(name, "77")
    machine.setenv("CUDA_VISIBLE_DEVICES", "GPU-abc")
    with lease_gpus(1) as ids:
        assert ids == ("GPU-abc",)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-abc"


def test_without_a_gpu_none_is_visible_inside(machine):
    for count, ids in ((0, "3,5"), (1, ""), (1, "-1")):
        machine.setenv("VISAGRAPH_GPU_IDS", ids)
        with lease_gpus(count) as leased:
            assert leased == ()
            assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_the_pool_prefers_our_setting_then_cudas():
    assert gpu_pool({"VISAGRAPH_GPU_IDS": "1, 1,2", "CUDA_VISIBLE_DEVICES": "7"}) == ("1", "2")
    assert gpu_pool({"CUDA_VISIBLE_DEVICES": "7,6"}) == ("7", "6")


def test_cuda_without_a_gpu_is_a_setting_error():
    torch = pytest.importorskip("torch")
    assert pick_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert pick_device("auto").type == "cpu"
    with pytest.raises(ConfigError, match="device is 'cuda'"):
        pick_device("cuda")


def test_a_gpu_is_taken_only_with_the_renderer_for_it(monkeypatch, caplog):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with caplog.at_level("WARNING"):
        assert pick_device("auto").type == "cpu"
    assert "nvdiffrast is not: using the CPU. Install it with 'pip install" in caplog.text
    with pytest.raises(ConfigError, match=r"nvdiffrast is not installed.*pip install.*licence"):
        pick_device("cuda")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert pick_device("auto").type == pick_device("cuda").type == "cuda"
    assert pick_device("cpu").type == "cpu"

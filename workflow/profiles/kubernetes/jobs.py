"""Submit, ask about and remove the Jobs of a run; Snakemake calls it (config.yaml), and run.sh.

    jobs.py submit SCRIPT        prints the name of the Job
    jobs.py status NAME          prints running, success or failed
    jobs.py cancel NAME...
    jobs.py clear                removes what a run of this name left when its pod was evicted

VISAGRAPH_JOB names the template of Jobs, in place of job.yaml beside this file.
VISAGRAPH_WAIT_S (600) is how long a full quota, an image that cannot be pulled, an API without
answer and Jobs that do not go are waited for.
"""

from __future__ import annotations

import concurrent.futures
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api import Cluster, ClusterError, Refused, Unreachable, tell, this_cluster
from stage import CONTAINER, RUN, read_script, read_template, run_of, stage_job

# A container that waits for one of these waits for a person.
STUCK = (
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
)
TOLD = Path(".snakemake/kubernetes")  # the last thing said of each job that waits
QUIET_S = 60  # a pod may take this long to appear and to be scheduled before anything is said
STATUS_PATIENCE_S = 30.0
LOG_LINES = 20
Object = dict[str, Any]


def wait_s() -> float:
    """How long something that may pass is waited for.

    Raises:
        ClusterError: VISAGRAPH_WAIT_S is not a number of seconds.
    """
    text = os.environ.get("VISAGRAPH_WAIT_S", "600")
    try:
        return float(text)
    except ValueError as error:
        raise ClusterError(f"VISAGRAPH_WAIT_S is '{text}', expected seconds") from error


def submit(script: str) -> str:
    """The name of the Job that now runs a script of Snakemake.

    Raises:
        ClusterError: it cannot be run.
    """
    cluster = this_cluster(wait_s())
    properties, command = read_script(Path(script))
    template = os.environ.get("VISAGRAPH_JOB") or Path(__file__).with_name("job.yaml")
    pod = cluster.ask("GET", f"pods/{os.environ['POD_NAME']}")
    job = stage_job(read_template(Path(template)), pod, properties, command, os.getcwd())
    end, said = time.monotonic() + wait_s(), False
    while True:
        try:
            cluster.ask("POST", "jobs", job)
        except Refused as refused:
            if refused.quota and time.monotonic() < end:
                if not said:
                    tell(f"waiting for room in the namespace: {refused}")
                said = True
                time.sleep(min(10.0, wait_s() / 10))
                continue
            if not refused.exists:  # else an earlier answer was lost
                advice = (
                    " Lower `jobs` in the profile, or raise the quota." if refused.quota else ""
                )
                raise ClusterError(f"the Job was refused: {refused}.{advice}") from refused
        return str(job["metadata"]["name"])


def status(name: str) -> str:
    """How a Job stands: running, success or failed; says why one failed or what it waits for.

    Raises:
        ClusterError: there is no right to ask.
    """
    cluster = this_cluster(min(STATUS_PATIENCE_S, wait_s()))
    try:
        job = cluster.ask("GET", f"jobs/{name}")
        found = {
            c["type"] for c in job.get("status", {}).get("conditions", []) if c["status"] == "True"
        }
        if "Complete" in found:
            _remove(cluster, name)  # the stage's own log is in the results
            return _ended(name, "success")
        if "Failed" in found:
            tell(f"{name} failed: {_why_failed(cluster, job)}")
            return _ended(name, "failed")
        stuck = None if job.get("status", {}).get("ready") else _stuck(cluster, job)
        if stuck:
            _remove(cluster, name)
            tell(f"{name} failed: {stuck}")
            return _ended(name, "failed")
    except Unreachable as error:
        _tell_once(name, f"the API gives no answer, jobs go on: {error}")
    except Refused as refused:
        if refused.missing:
            tell(f"{name} failed: it is gone; somebody deleted it")
            return _ended(name, "failed")
        raise ClusterError(f"asking about {name}: {refused}") from refused
    return "running"


def cancel(names: list[str]) -> None:
    """Remove Jobs and their pods; all at once, since Snakemake gives this two seconds."""
    cluster = this_cluster(0.0)
    with concurrent.futures.ThreadPoolExecutor(len(names) or 1) as pool:
        list(pool.map(lambda name: _remove(cluster, name), names))


def clear() -> None:
    """Remove the Jobs that this run has, and wait until the last of their pods has ended.

    Raises:
        ClusterError: some do not go.
    """
    cluster = this_cluster(wait_s())
    run = run_of(cluster.ask("GET", f"pods/{os.environ['POD_NAME']}"))
    end, removed = time.monotonic() + wait_s(), set()
    while True:
        found = cluster.ask("GET", "jobs", query={"labelSelector": f"{RUN}={run}"})["items"]
        names = {job["metadata"]["name"] for job in found}
        if not names:
            return
        for name in names - removed:
            _remove(cluster, name, "Foreground")
        if not removed:
            tell(f"removing {len(names)} jobs of an earlier pod of this run")
        removed |= names
        if time.monotonic() > end:
            raise ClusterError(
                f"after {wait_s():g} s, {len(names)} jobs of an earlier pod of this run still end, "
                f"such as {min(names)}; is their node gone? kubectl get pods -l {RUN}={run} -o wide"
            )
        time.sleep(min(2.0, wait_s() / 10))


def _remove(cluster: Cluster, name: str, propagation: str = "Background") -> None:
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
    try:
        cluster.ask("DELETE", f"jobs/{name}", options)
    except Refused as refused:
        if not refused.missing:
            raise ClusterError(f"removing {name}: {refused}") from refused


def _pods(cluster: Cluster, job: Object) -> list[Object]:
    query = {"labelSelector": f"job-name={job['metadata']['name']}"}
    pods = cluster.ask("GET", "pods", query=query)["items"]
    return sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])


def _why_failed(cluster: Cluster, job: Object) -> str:
    pods = _pods(cluster, job)
    if not pods:
        return "its pod was deleted"
    pod = pods[-1]
    if pod["status"].get("reason") == "DeadlineExceeded":
        minutes = pod["spec"]["activeDeadlineSeconds"] / 60
        return f"it ran for more than {minutes:g} minutes (runtime)"
    if pod["status"].get("reason"):
        return f"{pod['status']['reason']}: {pod['status'].get('message', '')}"
    ended = _state(pod, "terminated")
    if ended.get("reason") == "OOMKilled":
        containers = {one["name"]: one for one in pod["spec"]["containers"]}
        limit = containers[CONTAINER]["resources"]["limits"]["memory"]
        return f"it needed more than {limit} of memory (mem_mb)"
    said = _log(cluster, pod)
    return f"exit status {ended.get('exitCode', 'unknown')}" + (
        f"; it said at last:\n{said}" if said else ""
    )


def _log(cluster: Cluster, pod: Object) -> str:
    query = {"container": CONTAINER, "tailLines": str(LOG_LINES)}
    try:
        return str(cluster.ask("GET", f"pods/{pod['metadata']['name']}/log", query=query)).rstrip()
    except (Refused, Unreachable):  # the node is gone, and the log with it
        return ""


def _state(pod: Object, state: str) -> Object:
    for container in pod["status"].get("containerStatuses", []):
        if container["name"] == CONTAINER:
            return container.get("state", {}).get(state) or {}
    return {}


def _stuck(cluster: Cluster, job: Object) -> str | None:
    """Why a Job can never start; of one that may yet, says what it waits for."""
    name, age = job["metadata"]["name"], _age_s(job)
    if age < min(QUIET_S, wait_s() / 2):
        return None
    pods = _pods(cluster, job)
    if not pods:
        _tell_once(name, _last_event(cluster, "Job", name) or "it has no pod yet")
        return None
    pod = pods[-1]
    waits = _state(pod, "waiting")
    reason, message = waits.get("reason", ""), waits.get("message", "")
    if reason in STUCK:
        if _age_s(pod) > wait_s():
            return f"it could not start for {wait_s():g} s: {reason}: {message}"
        _tell_once(name, f"{reason}: {message}")
        return None
    for condition in pod["status"].get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            _tell_once(name, f"no node takes it: {condition.get('message', '')}")
            return None
    if reason:  # ContainerCreating: volumes and images are fetched
        event = _last_event(cluster, "Pod", pod["metadata"]["name"])
        _tell_once(name, event or reason)
    return None


def _last_event(cluster: Cluster, kind: str, name: str) -> str:
    """The last warning about an object, in the cluster's words."""
    query = {"fieldSelector": f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"}
    events = cluster.ask("GET", "events", query=query)["items"]
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return f"{events[-1].get('reason')}: {events[-1].get('message')}" if events else ""


def _age_s(thing: Object) -> float:
    made = datetime.fromisoformat(thing["metadata"]["creationTimestamp"])
    return (datetime.now(UTC) - made).total_seconds()


def _tell_once(name: str, message: str) -> None:
    file = TOLD / name
    if file.is_file() and file.read_text(encoding="utf-8") == message:
        return
    TOLD.mkdir(parents=True, exist_ok=True)
    file.write_text(message, encoding="utf-8")
    tell(f"{name} waits: {message}")


def _ended(name: str, word: str) -> str:
    (TOLD / name).unlink(missing_ok=True)
    return word


def main(words: list[str]) -> int:
    """Exit status of a command line."""
    action, names = (words[0] if words else ""), words[1:]
    try:
        match action, len(names):
            case "submit", 1:
                print(submit(names[0]))
            case "status", 1:
                print(status(names[0]))
            case "cancel", _:
                cancel(names)
            case "clear", 0:
                clear()
            case _:
                tell(f"expected submit SCRIPT, status NAME, cancel NAME... or clear, not {words}")
                return 2
    except Unreachable as error:
        tell(f"the API gives no answer: {error}")
        return 1
    except ClusterError as error:
        tell(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

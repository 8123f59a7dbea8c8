"""The Job of one stage: of a template, the pod that submits it, and what the stage needs."""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from api import ClusterError

RUN = "visagraph/run"  # label: the run that a Job is part of
CONTAINER, RUN_CONTAINER = "stage", "run"
LONGEST_ARGUMENT = 131_071  # bytes of one argument that Linux passes on to a program
PROPERTIES = "# properties = "
SHARED = ("persistentVolumeClaim", "configMap")  # never a Secret: stages open files of strangers
GPU = "nvidia.com/gpu"
OF_THE_RUN = ("securityContext", "imagePullSecrets")
OF_ITS_CONTAINER = ("image", "imagePullPolicy", "securityContext")

Object = dict[str, Any]


def read_script(file: Path) -> tuple[Object, str]:
    """What Snakemake says of a job, and the job's commands.

    Args:
        file: the script that Snakemake would submit; one line of it is a comment with JSON.

    Raises:
        ClusterError: there is no such line, or the commands are longer than a program may be given.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise ClusterError(
            f"{file.name} names a file that is not UTF-8, which Kubernetes cannot pass on: {error}"
        ) from error
    told = [line for line in lines if line.startswith(PROPERTIES)]
    if not told:
        raise ClusterError(f"{file} has no line '{PROPERTIES}', expected a script of Snakemake")
    command = "".join(line for line in lines if line not in told)
    size = len(command.encode())
    if size > LONGEST_ARGUMENT:
        raise ClusterError(
            f"the commands of {file.name} have {size} bytes, a program takes {LONGEST_ARGUMENT}: "
            "put what makes them long into a file (--configfile in place of --config), or make "
            "groups of jobs smaller"
        )
    return json.loads(told[0].removeprefix(PROPERTIES)), command


def read_template(file: Path) -> Object:
    """The Job that stages begin with.

    Raises:
        ClusterError: it is not a Job with a container of the expected name.
    """
    try:
        job = yaml.safe_load(file.read_text(encoding="utf-8"))
        containers = job["spec"]["template"]["spec"]["containers"]
        kind, names = job["kind"], [container["name"] for container in containers]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ClusterError(f"{file} is not a Job of Kubernetes: {error!r}") from error
    if kind != "Job" or CONTAINER not in names:
        raise ClusterError(
            f"{file} is a {kind} with containers {', '.join(names)}, expected a Job with "
            f"'{CONTAINER}'"
        )
    return job


def stage_job(
    template: Object, pod: Object, properties: Mapping[str, Any], command: str, folder: str
) -> Object:
    """A Job with a name of its own that runs the commands as the run itself would.

    What the template says of image, volumes and users wins over what the run's pod says.

    Args:
        template: a Job.
        pod: the pod that submits it.
        properties: Snakemake's of a job.
        command: for a shell.
        folder: where it starts.

    Raises:
        ClusterError: the pod is not one of a run; the job does not say what it needs.
    """
    job = copy.deepcopy(template)
    rule = str(properties.get("rule") or properties.get("groupid") or "job")
    labels = {RUN: run_of(pod), "visagraph/rule": _label(rule)}
    if "batch" in (properties.get("wildcards") or {}):
        labels["visagraph/batch"] = _label(properties["wildcards"]["batch"])
    meta = job.setdefault("metadata", {})
    meta["name"] = f"visagraph-{_word(rule)}-{uuid.uuid4().hex[:10]}"
    meta["ownerReferences"] = [_owner(pod)]  # whoever deletes the run deletes its stages
    for part in (meta, job["spec"]["template"].setdefault("metadata", {})):
        part.setdefault("labels", {}).update(labels)
    _fill_pod(job["spec"]["template"]["spec"], pod, properties, command, folder)
    return job


def run_of(pod: Object) -> str:
    """The name of the run that a pod belongs to: that of its Job."""
    labels = pod["metadata"].get("labels", {})
    return labels.get("job-name") or pod["metadata"]["name"]


def as_argument(text: str) -> str:
    """Text that arrives unchanged: Kubernetes reads `$$` as `$`, and `$(NAME)` as a value."""
    return text.replace("$", "$$")


def _fill_pod(
    spec: Object, pod: Object, properties: Mapping[str, Any], command: str, folder: str
) -> None:
    run = _container(pod["spec"], RUN_CONTAINER)
    stage = _container(spec, CONTAINER)
    resources = properties["resources"]
    missing = [name for name in ("mem_mb", "runtime") if name not in resources]
    if missing:
        raise ClusterError(
            f"a job says no {' and no '.join(missing)}: keep them in default-resources of the "
            "profile"
        )
    # Of the pod, not of the Job: its clock starts on the node, not in the queue.
    spec["activeDeadlineSeconds"] = int(resources["runtime"]) * 60
    _inherit(spec, pod["spec"], OF_THE_RUN)
    _inherit(stage, run, OF_ITS_CONTAINER)
    _share_volumes(spec, stage, pod["spec"], run)
    stage["workingDir"] = folder
    stage["command"], stage["args"] = ["/bin/sh", "-c"], [as_argument(command)]
    asked = {"cpu": str(properties["threads"]), "memory": f"{int(resources['mem_mb'])}Mi"}
    gpus = int(resources.get("gpu", 0))
    if gpus:
        asked[GPU] = str(gpus)
        taint = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}
        spec.setdefault("tolerations", []).append(taint)
    for kind in ("requests", "limits"):
        stage.setdefault("resources", {}).setdefault(kind, {}).update(asked)


def _share_volumes(spec: Object, stage: Object, run_spec: Object, run: Object) -> None:
    shared = {
        volume["name"]: volume
        for volume in run_spec.get("volumes", [])
        if any(kind in volume for kind in SHARED)
    }
    mounts = stage.setdefault("volumeMounts", [])
    taken = {mount["mountPath"] for mount in mounts}
    mounts += [
        mount
        for mount in run.get("volumeMounts", [])
        if mount["name"] in shared and mount["mountPath"] not in taken
    ]
    volumes = spec.setdefault("volumes", [])
    known = {volume["name"] for volume in volumes}
    used = {mount["name"] for mount in mounts}
    volumes += [shared[name] for name in sorted((used & set(shared)) - known)]


def _inherit(target: Object, source: Object, names: tuple[str, ...]) -> None:
    for name in names:
        if name in source:
            target.setdefault(name, source[name])


def _container(spec: Object, name: str) -> Object:
    for container in spec["containers"]:
        if container["name"] == name:
            return container
    raise ClusterError(f"this pod has no container '{name}', expected the pod of run.yaml")


def _owner(pod: Object) -> Object:
    for owner in pod["metadata"].get("ownerReferences", []):
        if owner.get("controller"):
            return {name: owner[name] for name in ("apiVersion", "kind", "name", "uid")}
    meta = pod["metadata"]
    return {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:36].strip("-") or "job"


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:63].strip("-_.") or "unnamed"

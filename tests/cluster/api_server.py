"""A stand-in for the API of Kubernetes: Jobs run as processes of this machine.

It refuses what the Role of setup.yaml does not allow, expands `$` in commands as the kubelet does,
and tells of jobs and pods in the words of the real one. Nodes, images and volumes there are none.
"""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

Object = dict[str, Any]
Mode = Literal["run", "no image", "no node", "no quota", "no volume"]
VERBS = {"POST": "create", "DELETE": "delete"}
REFERENCE = re.compile(r"\$(?:\$|\((\w[\w.-]*)\)|)")
WORDS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "AlreadyExists"}


def now() -> str:
    """This second, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expand(text: str, values: Mapping[str, str]) -> str:
    """What a container gets of an argument: `$$` is `$`, `$(NAME)` the value of a name it has."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return values.get(match[1] or "", match[0])

    return REFERENCE.sub(value, text)


@dataclass
class Refusal(Exception):
    """An answer of HTTP that is not 200."""

    code: int
    message: str


@dataclass
class Pod:
    """A pod and the process that is its container."""

    told: Object
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None
    verdict: str = ""

    def end(self, verdict: str) -> None:
        """Kill it; `verdict` is who did: OOMKilled, DeadlineExceeded, evicted or deleted."""
        self.verdict = self.verdict or verdict
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def rule(self) -> str:
        """The rule of its stage."""
        return str(self.told["metadata"]["labels"]["visagraph/rule"])

    @property
    def memory_mb(self) -> int:
        """Memory that it may use."""
        limits = self.told["spec"]["containers"][0]["resources"]["limits"]
        return int(limits["memory"].removesuffix("Mi"))


@dataclass
class ApiServer:
    """The state of a cluster with one namespace, `heads`.

    Args:
        folder: for logs of pods.
        role: rules of what may be asked.
        run_pod: the pod that asks.
        environment: of containers.
        mode: what becomes of new pods.
        quota: how many Jobs there may be.
        failures: how many of the next requests are answered by 503.
        token: that requests must carry.
        node_gone: pods that are deleted do not end.
        second_s: how long a second of a deadline is.
        needs_mb: rule -> memory; its pods with less are killed for it.
        evict_once: rules, one pod of each is evicted.
        created: Jobs as they came; `jobs` and `pods` are those that are there.
        started: all pods so far.
    """

    folder: Path
    role: list[Object]
    run_pod: Object
    environment: dict[str, str]
    mode: Mode = "run"
    quota: int | None = None
    failures: int = 0
    token: str | None = None
    node_gone: bool = False
    second_s: float = 1.0
    needs_mb: dict[str, int] = field(default_factory=dict)
    evict_once: set[str] = field(default_factory=set)
    jobs: dict[str, Object] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    created: list[Object] = field(default_factory=list)
    started: list[Pod] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, method: str, url: str, body: Object | None, token: str | None) -> Any:
        """What the API says to a request.

        Raises:
            Refusal: anything but yes.
        """
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        found = re.fullmatch(
            r"/(?:apis/(batch)/v1|api/v1)/namespaces/heads/(\w+)(?:/([\w.-]+)(/log)?)?", parts.path
        )
        if not found:
            raise Refusal(404, f"the server could not find the requested resource: {parts.path}")
        group, kind, name, log = found.groups()
        if self.failures:
            self.failures -= 1
            raise Refusal(503, "the server is currently unable to handle the request")
        if self.token and token != f"Bearer {self.token}":
            raise Refusal(401, "Unauthorized")
        self._check_right(
            VERBS.get(method, "get" if name else "list"), group or "", kind + (log or "")
        )
        with self.lock:
            return self._act(method, kind, name, bool(log), query, body or {})

    def _check_right(self, verb: str, group: str, resource: str) -> None:
        for rule in self.role:
            if (
                group in rule["apiGroups"]
                and resource in rule["resources"]
                and verb in rule["verbs"]
            ):
                return
        raise Refusal(
            403,
            f'{resource} is forbidden: User "system:serviceaccount:heads:visagraph" cannot {verb} '
            f'resource "{resource}" in API group "{group}" in the namespace "heads"',
        )

    def _act(
        self, method: str, kind: str, name: str | None, log: bool, query: Object, body: Object
    ) -> Any:
        if method == "POST":
            return self._create(body)
        if kind == "events":
            return {"items": self._events(query["fieldSelector"])}
        if not name:
            label, _, value = query["labelSelector"].partition("=")
            things = [p.told for p in self.pods.values()] if kind == "pods" else self.jobs.values()
            return {"items": [t for t in things if t["metadata"]["labels"].get(label) == value]}
        if kind == "pods" and name == self.run_pod["metadata"]["name"]:
            return self.run_pod
        if name not in (self.pods if kind == "pods" else self.jobs):
            raise Refusal(404, f'{kind} "{name}" not found')
        if log:
            file = self.pods[name].log
            return file.read_text() if file else ""
        if method == "DELETE":
            return self._delete(name, body["propagationPolicy"])
        return self.pods[name].told if kind == "pods" else self.jobs[name]

    def _create(self, job: Object) -> Object:
        name = job["metadata"]["name"]
        if name in self.jobs:
            raise Refusal(409, f'jobs.batch "{name}" already exists')
        if self.quota is not None and len(self.jobs) >= self.quota:
            raise Refusal(
                403,
                f'jobs.batch "{name}" is forbidden: exceeded quota: small, requested: '
                f"count/jobs.batch=1, used: count/jobs.batch={self.quota}, limited: "
                f"count/jobs.batch={self.quota}",
            )
        job["metadata"]["creationTimestamp"] = now()
        job["status"] = {}
        self.jobs[name] = job
        self.created.append(copy.deepcopy(job))
        if self.mode != "no quota":
            self._start(job)
        return job

    def _start(self, job: Object) -> None:
        name = f"{job['metadata']['name']}-{len(self.started):05d}"
        template = copy.deepcopy(job["spec"]["template"])
        labels = template["metadata"]["labels"] | {"job-name": job["metadata"]["name"]}
        meta = {"name": name, "labels": labels, "creationTimestamp": now()}
        pod = Pod({"metadata": meta, "spec": template["spec"], "status": {"phase": "Pending"}})
        self.pods[name] = pod
        self.started.append(pod)
        if self.mode in ("no image", "no volume"):
            waits = {"reason": "ContainerCreating"}
            if self.mode == "no image":
                said = 'Back-off pulling image "visagraph"'
                waits = {"reason": "ImagePullBackOff", "message": said}
            pod.told["status"]["containerStatuses"] = [
                {"name": "stage", "state": {"waiting": waits}}
            ]
        elif self.mode == "no node":
            said = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
            unscheduled = {"type": "PodScheduled", "status": "False", "message": said}
            pod.told["status"]["conditions"] = [unscheduled]
        else:
            threading.Thread(target=self._run, args=(job, pod), daemon=True).start()

    def _run(self, job: Object, pod: Pod) -> None:
        spec = pod.told["spec"]
        container = spec["containers"][0]
        values = {item["name"]: item["value"] for item in container.get("env", [])}
        words = [expand(word, values) for word in container["command"] + container["args"]]
        pod.log = self.folder / pod.told["metadata"]["name"]
        with open(pod.log, "wb") as log:
            pod.process = subprocess.Popen(
                words,
                cwd=container["workingDir"],
                env=self.environment | values,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with self.lock:
            pod.told["status"]["phase"] = "Running"
            job["status"] = {"active": 1, "ready": 1}
        if pod.verdict:
            pod.end(pod.verdict)
        if pod.memory_mb < self.needs_mb.get(pod.rule, 0):
            pod.end("OOMKilled")
        if pod.rule in self.evict_once:
            self.evict_once.remove(pod.rule)
            pod.end("evicted")
        try:
            code = pod.process.wait(spec["activeDeadlineSeconds"] * self.second_s)
        except subprocess.TimeoutExpired:
            pod.end("DeadlineExceeded")
            code = pod.process.wait()
        with self.lock:
            self._finish(job, pod, code if code >= 0 else 128 - code)

    def _finish(self, job: Object, pod: Pod, code: int) -> None:
        status, name = pod.told["status"], job["metadata"]["name"]
        status["phase"] = "Failed" if code else "Succeeded"
        reason = "OOMKilled" if pod.verdict == "OOMKilled" else "Error" if code else "Completed"
        ended = {"exitCode": code, "reason": reason}
        status["containerStatuses"] = [{"name": "stage", "state": {"terminated": ended}}]
        if pod.verdict == "DeadlineExceeded":
            status["reason"] = "DeadlineExceeded"
        if job["metadata"].get("deletionTimestamp"):
            self._forget(name)
        elif pod.verdict == "evicted" and _ignores_disruption(job):
            status["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
            job["status"] = {"active": 1, "ready": 0}
            self._start(job)
        else:
            word = {"type": "Failed", "reason": "BackoffLimitExceeded"} if code else {}
            job["status"] = {"conditions": [{"type": "Complete", "status": "True"} | word]}

    def _delete(self, name: str, propagation: str) -> Object:
        job = self.jobs[name]
        job["metadata"]["deletionTimestamp"] = now()
        if self.node_gone:
            return job
        living = [pod for pod in self._pods_of(name) if pod.process and pod.process.poll() is None]
        for pod in living:
            pod.end("deleted")
        if propagation != "Foreground" or not living:
            self._forget(name)
        return {"kind": "Status", "status": "Success"}

    def _forget(self, name: str) -> None:
        for pod in self._pods_of(name):
            self.pods.pop(pod.told["metadata"]["name"], None)
        self.jobs.pop(name, None)

    def _pods_of(self, job: str) -> list[Pod]:
        pods = list(self.pods.values())
        return [pod for pod in pods if pod.told["metadata"]["labels"]["job-name"] == job]

    def _events(self, selector: str) -> list[Object]:
        told = {
            ("no quota", "Job"): (
                "FailedCreate",
                'Error creating: pods "x" is forbidden: exceeded quota: small',
            ),
            ("no volume", "Pod"): ("FailedMount", "volume visagraph is of another node"),
        }
        kind = selector.partition("involvedObject.kind=")[2].partition(",")[0]
        reason, message = told.get((self.mode, kind), ("", ""))
        event = {"reason": reason, "message": message, "lastTimestamp": now()}
        return [event] if reason else []

    def running(self, rule: str, timeout_s: float = 120.0) -> Pod:
        """A pod of a rule that runs; waits for one.

        Raises:
            TimeoutError: none came.
        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            for pod in list(self.pods.values()):
                if pod.rule == rule and pod.told["status"]["phase"] == "Running":
                    return pod
            time.sleep(0.05)
        raise TimeoutError(f"no pod of {rule} after {timeout_s:g} s")


def _ignores_disruption(job: Object) -> bool:
    for rule in job["spec"].get("podFailurePolicy", {}).get("rules", []):
        if {"type": "DisruptionTarget", "status": "True"} in rule.get("onPodConditions", []):
            return rule["action"] == "Ignore"
    return False


@contextmanager
def serve(api: ApiServer) -> Iterator[ThreadingHTTPServer]:
    """Answer requests on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            try:
                code, said = (
                    200,
                    api.answer(self.command, self.path, body, self.headers.get("Authorization")),
                )
            except Refusal as refusal:
                code = refusal.code
                reason = WORDS.get(code, "ServiceUnavailable")
                said = {
                    "kind": "Status",
                    "code": code,
                    "reason": reason,
                    "message": refusal.message,
                }
            is_text = isinstance(said, str)
            with api.lock:
                data = (said if is_text else json.dumps(said)).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if is_text else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _reply

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: pytest's output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        for pod in list(api.pods.values()):
            pod.end("deleted")

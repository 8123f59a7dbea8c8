"""The API of a Kubernetes cluster, asked by one of its pods: HTTPS, with its service account."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
PASSING = (429, 500, 502, 503, 504)  # the API server is busy, starting or being replaced
TIMEOUT_S = 20
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0


class ClusterError(Exception):
    """Something that a person must put right; its text says what."""


class Unreachable(Exception):
    """The API gave no answer for as long as was waited."""


class Refused(Exception):
    """The API's answer is no.

    Args:
        code: status of HTTP.
        message: the API's own words.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def missing(self) -> bool:
        """Whether it is not there (any more)."""
        return self.code == 404

    @property
    def exists(self) -> bool:
        """Whether one of this name is there already."""
        return self.code == 409

    @property
    def quota(self) -> bool:
        """Whether a ResourceQuota of the namespace is used up."""
        return self.code == 403 and "exceeded quota" in str(self)


@dataclass(frozen=True)
class Cluster:
    """Where the API is, and as whom it is asked.

    Args:
        address: such as https://10.0.0.1:443.
        namespace: of everything that is asked for.
        secrets: folder of the service account: `token`, `ca.crt`; None where a proxy knows them.
        patience_s: how long an API that gives no answer is asked again.
    """

    address: str
    namespace: str
    secrets: Path | None
    patience_s: float

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The API's answer: an object, or text where it gives text.

        Args:
            path: `jobs`, `jobs/NAME`, `pods/NAME/log` and the like, of this namespace.

        Raises:
            ClusterError: there is no right to ask this, or somebody else answers.
            Refused: any other refusal.
            Unreachable: no answer.
        """
        group = "apis/batch/v1" if path.partition("/")[0] == "jobs" else "api/v1"
        words = "?" + urllib.parse.urlencode(query) if query else ""
        request = urllib.request.Request(
            f"{self.address}/{group}/namespaces/{self.namespace}/{path}{words}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Content-Type": "application/json", "Accept": "application/json, */*"},
        )
        end, pause = time.monotonic() + self.patience_s, FIRST_PAUSE_S
        while True:
            try:
                return self._ask_once(request)
            except Unreachable:
                if time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _ask_once(self, request: urllib.request.Request) -> Any:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.secrets:  # read each time: tokens live for an hour
            token = (self.secrets / "token").read_text(encoding="utf-8").strip()
            request.add_header("Authorization", f"Bearer {token}")
            trusted = ssl.create_default_context(cafile=str(self.secrets / "ca.crt"))
            handlers.append(urllib.request.HTTPSHandler(context=trusted))
        try:
            opener = urllib.request.build_opener(*handlers)
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                text = answer.read().decode("utf-8", "replace")
                is_object = answer.headers.get_content_type() == "application/json"
                return json.loads(text) if is_object else text
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise ClusterError(
                    f"{self.address} shows a certificate that is not this cluster's: {reason}"
                ) from error
            raise Unreachable(f"{self.address}: {reason}") from error


def _refusal(error: urllib.error.HTTPError) -> Exception:
    text = error.read().decode("utf-8", "replace")
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text.strip()[:500] or str(error)
    if error.code in PASSING:
        return Unreachable(f"HTTP {error.code}: {message}")
    refused = Refused(error.code, message)
    if error.code == 401 or (error.code == 403 and " is forbidden: User " in message):
        return ClusterError(
            f"no rights: {message}. The pod of a run needs the service account and the Role of "
            "workflow/profiles/kubernetes/setup.yaml: kubectl apply -k workflow/profiles/kubernetes"
        )
    return refused


def this_cluster(patience_s: float) -> Cluster:
    """The cluster in which this process runs, or the one behind `kubectl proxy`.

    The environment variable VISAGRAPH_KUBERNETES names the address of the latter.

    Raises:
        ClusterError: neither is there.
    """
    environment = os.environ
    namespace = environment.get("POD_NAMESPACE")
    proxy = environment.get("VISAGRAPH_KUBERNETES")
    if not namespace or not environment.get("POD_NAME"):
        raise ClusterError(
            "POD_NAME and POD_NAMESPACE are not set: this profile submits jobs from inside the "
            "cluster, from the pod that workflow/profiles/kubernetes/run.yaml describes: "
            "kubectl apply -k workflow/profiles/kubernetes"
        )
    if proxy:
        return Cluster(proxy.rstrip("/"), namespace, None, patience_s)
    host, port = (environment.get(f"KUBERNETES_SERVICE_{name}") for name in ("HOST", "PORT"))
    secrets = Path(environment.get("VISAGRAPH_SERVICE_ACCOUNT", SERVICE_ACCOUNT))
    if not host or not (secrets / "token").is_file():
        raise ClusterError(
            f"no API: expected KUBERNETES_SERVICE_HOST and {secrets}/token, which Kubernetes gives "
            "pods with `automountServiceAccountToken: true`"
        )
    host = f"[{host}]" if ":" in host else host
    return Cluster(f"https://{host}:{port or 443}", namespace, secrets, patience_s)


def tell(message: str) -> None:
    """Write to standard error, which Snakemake shows: standard output is for its answers."""
    sys.stderr.write(f"kubernetes: {message}\n")
    sys.stderr.flush()

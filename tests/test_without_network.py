"""Only what is asked for by name uses the network; every run of the tests is without one."""

import ast
import subprocess
import sys

import pytest

from tests.runs import PROJECT, environment
from tests.test_levels import imported_modules

CLIENTS = {
    *("urllib.request", "http.client", "ftplib", "smtplib", "telnetlib", "xmlrpc.client"),
    *("socket", "ssl", "requests", "httpx", "aiohttp", "urllib3", "torch.hub", "huggingface_hub"),
    *("boto3", "gdown", "wget", "paramiko", "torchvision.models", "pooch"),
}
# fetch_landmark_models, and build_face_model, which remakes the head that ships with the project.
FETCHERS = {"lib/networks/fetch.py", "lib/facemodel/makehuman/fetch.py"}
PROGRAMS = FETCHERS | {"lib/devices.py"}  # asks nvidia-smi which GPUs there are
STARTERS = {"subprocess", "multiprocessing.connection", "pty", "os.system", "os.popen"}
CODE = [path for folder in ("lib", "scripts") for path in sorted((PROJECT / folder).rglob("*.py"))]


def name_of(path):
    return path.relative_to(PROJECT).as_posix()


def test_the_library_and_the_scripts_have_no_client_of_a_network():
    for path in CODE:
        modules = set(imported_modules(path))
        found = {m for m in modules if any(m == c or m.startswith(f"{c}.") for c in CLIENTS)}
        assert not found, f"{name_of(path)} imports {found}"


def test_only_the_fetchers_start_other_programs():
    starting = {name_of(path) for path in CODE if STARTERS & set(imported_modules(path))}
    assert starting == PROGRAMS
    for path in CODE:
        calls = (
            ast.unparse(node.func)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        )
        assert not {"os.system", "os.popen", "eval", "exec"} & set(calls), name_of(path)


def test_only_the_fetchers_download():
    speaking = {name_of(path) for path in CODE if '"download"' in path.read_text(encoding="utf-8")}
    assert speaking == FETCHERS
    rules = [*(PROJECT / "rules").glob("*.smk"), PROJECT / "Snakefile"]
    for path in rules:
        text = path.read_text(encoding="utf-8")
        for word in ("storage.", "storage:", "remote(", "HTTP", "github(", "gitlab("):
            assert word not in text, f"{path.name}: {word}"


@pytest.mark.parametrize(
    "call",
    [
        "socket.socket().connect(('192.0.2.1', 80))",
        "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80, 0, 0))",
        "socket.create_connection(('example.org', 80))",
        "socket.gethostbyname('example.org')",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ],
)
def test_runs_of_the_tests_have_no_network(call):
    code = f"import socket; {call}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
    )
    assert done.returncode
    assert "is refused in tests" in done.stderr


def test_this_machine_answers_in_runs_of_the_tests():
    code = (
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
        "socket.create_connection(s.getsockname()).close()"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)

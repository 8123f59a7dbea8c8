"""A process that reads damaged files in little memory, and tells what came of it.

python -m tests.fuzz.worker FOLDER

One line of JSON in, `{"reader": name}`; one line out, see `Answer` in `tests.fuzz.guard`.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import resource
import sys
import sysconfig
import tempfile
import traceback
import warnings
from pathlib import Path

EXTRA_BYTES = 2 << 30  # beyond what the process has when it is ready
PROJECT = Path(__file__).parents[2]
FORBIDDEN = {
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "os.remove"),
    *("os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink", "os.truncate"),
    *("subprocess.Popen", "socket.connect", "socket.getaddrinfo", "socket.bind", "pty.spawn"),
    *("ctypes.dlopen", "ftplib.connect", "http.client.connect", "urllib.Request", "shutil.rmtree"),
    *("webbrowser.open", "marshal.loads", "code.__new__", "function.__new__"),
}
READABLE = tuple(
    str(Path(place).resolve())
    for place in (
        *(PROJECT / "lib", PROJECT / "tests", PROJECT / "workflow", sys.prefix, sys.base_prefix),
        *(*set(sysconfig.get_paths().values()), "/proc", "/sys", "/dev/null", "/usr", "/etc"),
    )
)


class Watch:
    """An audit hook that notes what no reader may do."""

    def __init__(self, folder: Path):
        self._folder = str(folder.resolve())
        self.armed = False
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Called by Python at every event."""
        if not self.armed:
            return
        if event in FORBIDDEN and not self._imports():
            self.seen.append(f"{event} {arguments!r:.200}")
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            within = path.startswith((self._folder, *(() if writes else READABLE)))
            if not within and not self._imports():
                self.seen.append(f"open {path} {arguments[1:]}")

    @staticmethod
    def _imports() -> bool:
        """Whether Python itself is importing a module."""
        frame = sys._getframe(2)
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return True
            frame = frame.f_back
        return False


def answer(name: str, folder: Path, watch: Watch) -> dict[str, object]:
    """What came of reading."""
    from lib.errors import VisagraphError
    from tests.fuzz.readers import READERS

    watch.seen, watch.armed = [], True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            READERS[name].read(folder)
        kind, text = "value", ""
    except VisagraphError as error:
        kind, text = "refused", f"{type(error).__name__}: {error}"
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                kind, text = "memory", "".join(traceback.format_exception(error))[-3000:]
            cause = cause.__cause__ or cause.__context__
    except MemoryError:
        kind, text = "memory", traceback.format_exc()[-3000:]
    except BaseException:
        kind, text = "error", traceback.format_exc()[-3000:]
    watch.armed = False
    return {"kind": kind, "text": text, "forbidden": watch.seen}


def main() -> None:
    """Answer until the input ends."""
    folder = Path(sys.argv[1])
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print does not mix with answers
    logging.disable(logging.CRITICAL)
    faulthandler.enable()
    tempfile.tempdir = str(folder)
    from tests.fuzz.readers import READERS

    for reader in READERS.values():
        reader.warm()
    watch = Watch(folder)
    sys.addaudithook(watch)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + EXTRA_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(json.dumps({"kind": "ready", "text": "", "forbidden": []}), file=told, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)["reader"], folder, watch)), file=told, flush=True)


if __name__ == "__main__":
    main()

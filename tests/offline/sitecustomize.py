"""Python starts without a network where this folder is in PYTHONPATH: only this machine answers."""

import os
import sys

HERE = ("127.", "::1", "localhost", "0.0.0.0", "::")
EVENTS = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")


def _refuse(event: str, arguments: tuple) -> None:
    if event not in EVENTS:
        return
    place = arguments[0] if event.startswith("socket.get") else arguments[1]
    host = place[0] if isinstance(place, tuple) else place
    local = host is None or (isinstance(place, str | bytes) and event in EVENTS[:2])  # a path
    if isinstance(host, str) and (host.startswith(HERE) or host in ("", os.uname().nodename)):
        local = True
    if not local:
        raise ConnectionRefusedError(f"a run asked for {place!r}: {event} is refused in tests")


sys.addaudithook(_refuse)

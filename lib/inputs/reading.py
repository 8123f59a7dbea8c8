"""Turns whatever a parser stumbles on in a damaged file into one error that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.errors import ForeignFileError, VisagraphError


@contextmanager
def reading(
    path: str | Path, what: str, advice: str = "", kind: type[VisagraphError] = ForeignFileError
) -> Iterator[None]:
    """A block in which a file is parsed; our own errors pass.

    Args:
        path: of the file.
        what: it should be.
        advice: a sentence.
        kind: class of the error.

    Raises:
        VisagraphError: of that class, for any other error: it is the file's fault.
    """
    try:
        yield
    except VisagraphError:
        raise
    except Exception as error:
        told = (str(error).splitlines() or [""])[0][:300] or type(error).__name__
        raise kind(f"{path} cannot be read as {what} ({told}). {advice}".rstrip()) from error

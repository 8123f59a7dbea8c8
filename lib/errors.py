"""What can go wrong, in classes that callers can tell apart.

Every message says what was found, what was expected and what to do.
"""

from __future__ import annotations


class VisagraphError(Exception):
    """Base class of every error that this project raises on purpose."""


class ShapeError(VisagraphError, ValueError):
    """An array does not have the shape that its name promises."""

    def __init__(self, name: str, found: tuple[int, ...], expected: str):
        super().__init__(f"{name} has shape {tuple(found)}, expected {expected}.")


class ArtefactError(VisagraphError):
    """A file under results/ is not what this code reads: wrong kind, version or layout."""


class ConfigError(VisagraphError):
    """A setting, a sample sheet or a file that a setting names cannot be used."""


class MissingModelError(ConfigError):
    """A face model or network file that a setting asks for is not there."""


class ForeignFileError(ConfigError):
    """A file asks for more than it holds, for what lies outside of it, or for code to be run."""


class CaptureFailure(VisagraphError):
    """One capture cannot be processed; the others can.

    A stage turns it into a row with a reason, and goes on.

    Args:
        outcome: short word for tables, such as `no_face` or `unreadable_image`.
        reason: one sentence for a person: what was found, what was expected, what to do.
    """

    def __init__(self, outcome: str, reason: str):
        super().__init__(f"{outcome}: {reason}")
        self.outcome = outcome
        self.reason = reason

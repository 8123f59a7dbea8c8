"""What the licences of models and networks allow on the whole, told as their texts say it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

Terms = Literal["free", "limited", "not clear"]
LIMITED = re.compile(
    r"research|academic|non-?\s?commercial|\bNC\b|(exclud|forbid|prohibit)\w* commercial",
    re.IGNORECASE,
)
NOT_CLEAR = re.compile(r"not stated|contradict|^that of|^$", re.IGNORECASE)
FREE = re.compile(
    r"CC0|\bMIT\b|Apache|\bBSD\b|CC[- ]BY(?![- ](NC|ND))|public domain", re.IGNORECASE
)


def terms_of(licence: str) -> Terms:
    """Whether the text of a licence allows commercial use; what is not known is `not clear`."""
    if LIMITED.search(licence):
        return "limited"
    if NOT_CLEAR.search(licence) or not FREE.search(licence):
        return "not clear"
    return "free"


def licence_summary(parts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What stands at the top of a provenance.

    Args:
        parts: (name, licence) of the head model and of each network.

    Returns:
        `commercial_use`, a sentence; `limited` and `not_clear`, the names that it is about; and
        `parts`, name -> licence. The rights of the photos, and of those on them, are no part.
    """
    told = dict(parts)
    limited = [name for name, licence in told.items() if terms_of(licence) == "limited"]
    not_clear = [name for name, licence in told.items() if terms_of(licence) == "not clear"]
    if limited:
        words = f"NOT ALLOWED, or only by agreement, by the licence of {', '.join(limited)}"
    elif not_clear:
        words = f"NOT CLEAR: nothing certain is known of the licence of {', '.join(not_clear)}"
    else:
        words = "no licence of a model or network that took part forbids it"
    return {"commercial_use": words, "limited": limited, "not_clear": not_clear, "parts": told}

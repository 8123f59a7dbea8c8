"""Names of a synthetic world and its shards, known before any job runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def world_name(face_model: str, settings: Mapping[str, Any]) -> str:
    """Such as `makehuman_photo_0`; `settings` is section `synthesis`."""
    return f"{face_model}_{settings['kind']}_{settings['seed']}"


def shard_names(settings: Mapping[str, Any]) -> list[str]:
    """Four digits each."""
    count = -(-settings["count"] // settings["shard_size"])
    return [f"{shard:04d}" for shard in range(count)]

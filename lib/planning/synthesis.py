"""Names of a synthetic world and its shards, known before any job runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def world_name(face_model: str, settings: Mapping[str, Any]) -> str:
    """Such as `makehuman_photo_0`; `settings` is section `synthesis`.

    Worlds of other than the usual expressions, wrinkles and freckles say so:
    `makehuman_photo_0_frown_wrinkles3`.
    """
    looks, wrinkles = settings.get("expressions", "usual"), settings.get("wrinkles", 1)
    freckles = settings.get("freckles", 0)
    name = f"{face_model}_{settings['kind']}_{settings['seed']}"
    name = name if looks == "usual" else f"{name}_{looks}"
    name = name if wrinkles == 1 else f"{name}_wrinkles{wrinkles:g}"
    return name if freckles == 0 else f"{name}_freckles{freckles:g}"


def shard_names(settings: Mapping[str, Any]) -> list[str]:
    """Four digits each."""
    count = -(-settings["count"] // settings["shard_size"])
    return [f"{shard:04d}" for shard in range(count)]


def shard_settings(settings: Mapping[str, Any], shard: int) -> dict[str, Any]:
    """Section `synthesis` as if the world ended with this shard: a full one is then never remade.

    A world that grows gets new shards; only its last one, where it was not full, is drawn again.
    """
    end = (shard + 1) * settings["shard_size"]
    told = {**settings, "count": min(settings["count"], end)}
    if told.get("expressions") == "usual":  # worlds from before there were others stay as they are
        del told["expressions"]
    if told.get("wrinkles") == 1:
        del told["wrinkles"]
    if told.get("freckles") == 0:
        del told["freckles"]
    return told

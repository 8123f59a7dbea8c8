"""Where a file of weights comes from and under which licence, as a card with its hash says."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path

from lib.errors import ConfigError, MissingModelError
from lib.networks.cards import CARDS, WeightCard, file_sha256

NOT_STATED = "not stated"


@dataclass(frozen=True)
class WeightOrigin:
    """What is known of a file of weights.

    Args:
        name: of the network, or the file's own without a card.
        sha256: of the file.
        licence: `NOT_STATED` without a card.
        source: empty without a card.
    """

    name: str
    sha256: str
    licence: str
    source: str


def weight_origin(path: str | Path) -> WeightOrigin:
    """Name, hash, licence and source of a file of weights.

    A card counts when it has the hash of the file: one of ours, or the one that training or
    import wrote beside it. Of published files of which any version is accepted, the name counts.

    Raises:
        MissingModelError: the file is not there.
        ConfigError: the card beside it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingModelError(
            f"{path} is not there, but took part in these results. Put it back, so that its hash "
            "and licence can be told with them."
        )
    found = file_sha256(path)
    cards = [*CARDS.values(), *map(_beside, _cards_beside(path))]
    same = [card for card in cards if card.sha256 == found]
    same += [card for card in cards if not card.sha256 and card.file == path.name]
    if not same:
        return WeightOrigin(path.stem, found, NOT_STATED, "")
    return WeightOrigin(same[0].name, found, same[0].licence, same[0].source)


def _cards_beside(path: Path) -> list[Path]:
    files = (path.with_name("card.json"), path.with_name(f"{path.stem}_card.json"))
    return [file for file in files if file.is_file()]


def _beside(file: Path) -> WeightCard:
    try:
        card = WeightCard(**json.loads(file.read_text(encoding="utf-8"))["card"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{file} is no weight card ({error!r}); expected `card` with "
            f"{', '.join(field.name for field in fields(WeightCard))}. Remove it, or put back the "
            "one that came with the weights."
        ) from error
    return replace(card, sha256=card.sha256 or "none")

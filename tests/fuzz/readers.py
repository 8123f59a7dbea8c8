"""Every reader of foreign formats, with a small valid file for each."""

from __future__ import annotations

from tests.fuzz import arrays, cameras, pictures, tables, weights
from tests.fuzz.reader import Reader

FAMILIES: dict[str, dict[str, Reader]] = {
    "pictures": pictures.READERS,
    "cameras": cameras.READERS,
    "arrays": arrays.READERS,
    "weights": weights.READERS,
    "tables": tables.READERS,
}
READERS = {name: reader for family in FAMILIES.values() for name, reader in family.items()}

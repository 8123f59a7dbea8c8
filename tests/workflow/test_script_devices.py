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
        (remove_highlights, "HighlightTools"),
        (shade_photos, "ShadingTools"),
    ],
)
@pytest.mark.parametrize(("weights", "device"), [([], "cpu"), ("my.pt", "picked for cuda")])
def test_a_device_is_picked_for_networks_alone(monkeypatch, script, tools, weights, device):
    def load(*told):
        raise Loaded(told[-1])

    monkeypatch.setattr(script, tools, SimpleNamespace(load=load))
    monkeypatch.setattr(script, "pick_device", lambda setting: f"picked for {setting}")
    params = SimpleNamespace(face_model="makehuman", device="cuda", options={})
    with pytest.raises(Loaded, match=f"^{device}$"):
        script.main(Inputs(model=[], weights=weights), None, params)

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

from scripts import train_implicit, train_regularise
from tests.training.worlds import TINY, write_world


class Inputs(dict):
    """Named inputs of a job, as Snakemake hands them over."""

    __getattr__ = dict.__getitem__


def test_both_rules_leave_what_they_promise(tmp_path):
    world = write_world(tmp_path / "world", 3)
    params = SimpleNamespace(device="cpu", options=asdict(replace(TINY, epochs=1)))
    made = {}
    for name, script in (("matcher.pt", train_implicit), ("smoother.pt", train_regularise)):
        inputs = Inputs(data=[str(world)], responses=[], implicit=made.get("matcher.pt"))
        made[name] = tmp_path / name.split(".")[0] / name
        script.main(inputs, SimpleNamespace(weights=str(made[name])), params)
        folder = made[name].parent
        told = json.loads((folder / "card.json").read_text())
        assert told["card"]["file"] == name and told["options"]["data"] == [world.name]
        assert all((folder / file).is_file() for file in (name, "curves.csv", "curves.png"))

"""Parameters and variants that are given with `--resume`: only what they change is done again."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from errors import raises
from test_resume import run

import tau3mu
from tau3mu.outputs import load_candidates

PARAMETERS = """
from pathlib import Path

from tau3mu.processing import Processor, Table, parameter

LOG = Path(r"{log}")


class Mine(Processor):
    columns = frozenset({{"run", "lumi", "event", "muon.pt"}})
    min_pt: float = parameter(4.0, unit="GeV", help="of each muon")
    max_pt: float = parameter(50.0, unit="GeV", help="of each muon")

    def select(self, events, cutflow):
        if len(events):
            with LOG.open("a") as file:
                file.write(f"{{self.name}}\\n")
        pt = events.muon.pt
        muons = cutflow.cut("pt", events.muon, (pt > self.min_pt) & (pt < self.max_pt))
        return Table(pt=muons.pt)
"""


@pytest.fixture
def interrupted(tmp_path, demo, monkeypatch):
    """A run of 24 chunks of Mine (min_pt 5), loose and hard, whose results could not be written."""
    monkeypatch.setattr("tau3mu.execution.checkpoints._DELAY", 0.0)
    log, file = tmp_path / "calls.txt", tmp_path / "mine.py"
    file.write_text(PARAMETERS.format(log=log))
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("tau3mu.run.analysis._write", interrupt)
        arguments = [
            *demo, "--processor", f"{file}:Mine", "--no-fit", "--chunk-size", 500, "--output", out,
            "--set", "Mine.min_pt=5", "--variant", "loose:min_pt=1", "--variant", "hard:min_pt=9",
        ]  # fmt: skip
        assert run(arguments) == 130
    assert calls(log) == {"Mine": 24, "loose": 24, "hard": 24}
    log.unlink()
    return out, log


def interrupt(*_):
    raise KeyboardInterrupt


def calls(log):
    return Counter(log.read_text().split()) if log.exists() else {}


def parameters(out):
    record = json.loads((out / "run.json").read_text())
    made = record["configuration"]["processors"]
    return record["options"], {name: made[name]["parameters"]["min_pt"] for name in made}


def test_an_added_variant_is_run_alone(interrupted):
    out, log = interrupted
    assert run(["--resume", out, "--variant", "tight:min_pt=7"]) == 0
    assert calls(log) == {"tight": 24}
    options, found = parameters(out)
    assert options["variants"] == ["loose:min_pt=1", "hard:min_pt=9", "tight:min_pt=7"]
    assert found == {"Mine": 5, "loose": 1, "hard": 9, "tight": 7}
    counts = {name: len(load_candidates(out / name)) for name in found}
    assert counts["loose"] > counts["Mine"] > counts["tight"] > counts["hard"] > 0
    assert min(load_candidates(out / "tight").pt) > 7


def test_a_changed_variant_is_run_alone(interrupted):
    out, log = interrupted
    assert run(["--resume", out, "--variant", "loose:min_pt=2"]) == 0
    assert calls(log) == {"loose": 24}
    assert parameters(out)[1] == {"Mine": 5, "loose": 2, "hard": 9}
    assert 2 < min(load_candidates(out / "loose").pt) < 5


def test_a_changed_parameter_of_the_base_changes_its_variants(interrupted):
    """A value that the variants set themselves does not change them."""
    out, log = interrupted
    assert run(["--resume", out, "--set", "Mine.min_pt=6"]) == 0
    assert calls(log) == {"Mine": 24}
    options, found = parameters(out)
    assert (options["values"], found) == (["Mine.min_pt=6"], {"Mine": 6, "loose": 1, "hard": 9})


def test_a_parameter_more_is_of_all_variants(interrupted):
    out, log = interrupted
    assert run(["--resume", out, "--set", "Mine.max_pt=20"]) == 0
    assert calls(log) == {"Mine": 24, "loose": 24, "hard": 24}
    options, found = parameters(out)
    assert options["values"] == ["Mine.min_pt=5", "Mine.max_pt=20"]
    assert found == {"Mine": 5, "loose": 1, "hard": 9}
    assert max(load_candidates(out / "loose").pt) < 20


def test_what_is_given_again_changes_nothing(interrupted):
    out, log = interrupted
    assert run(["--resume", out, "--variant", "hard:min_pt=9", "--set", "Mine.min_pt=5"]) == 0
    assert calls(log) == {}


def test_options_that_cannot_be_are_told(interrupted):
    """They are read before they are compared with the record."""
    out, log = interrupted
    with raises("run.unknown-key", path="chunksize"):
        tau3mu.run(resume=out, chunksize=5)
    with raises("run.wrong-type", path="chunk_size"):
        tau3mu.run(resume=out, chunk_size="many")
    assert calls(log) == {}

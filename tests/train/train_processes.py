"""Trains for tests: a wagon that takes its time, one that fails, and comparisons of results."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

from tau3mu.run import open_run
from tau3mu.train.__main__ import main
from tau3mu.train.states import read_status
from tau3mu.train.store import Store

MODULE = """\
import time

import hist
import tau3mu
from helper import THRESHOLD

class Counted(tau3mu.Processor):
    \"\"\"Muons above a threshold.\"\"\"

    name = "counted"
    columns = ["run", "lumi", "event", "muon.pt"]
    min_pt: float = tau3mu.parameter(THRESHOLD, unit="GeV", help="of each muon")
    delay: float = tau3mu.parameter(0.0, unit="s", ge=0, help="of each chunk")
    axes = [hist.axis.Regular(20, 0, 40, name="pt", label="pT")]

    def select(self, events, cutflow):
        time.sleep(self.delay if len(events) else 0)
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        return tau3mu.Table(pt=muons.pt)

class Needs(Counted):
    \"\"\"The muons of events that another processor has selected.\"\"\"

    name = "needs"

    def select(self, events, cutflow):
        selected = cutflow.needed["counted_hard"]
        cutflow.count(of_the_other=selected.cutflow[-1].events)
        return super().select(events, cutflow)

class Raises(Counted):
    name = "raises"

    def select(self, events, cutflow):
        if len(events) and events.event[0] >= 0:
            raise ValueError(f"no such muon in {len(events)} events")
        return super().select(events, cutflow)
"""
HELPER = "THRESHOLD = 4.0\n"


def write_train(folder, *, delay=0.0, wagons=None, datasets=("demo",), chunk_size=1500, **settings):
    """Writes `train.json` with the module of its processors, and returns its path."""
    (folder / "mine.py").write_text(MODULE)
    (folder / "helper.py").write_text(HELPER)
    own = {
        "counted": {
            "processor": "mine.py:Counted",
            "parameters": {"delay": delay},
            "variants": {"hard": {"min_pt": 8.0, "delay": 0.0}},
            "fit": None,
        }
    }
    document = {
        "schema_version": 1,
        "wagons": own if wagons is None else own | wagons,
        "datasets": list(datasets),
        "settings": {"chunk_size": chunk_size, **settings},
    }
    file = folder / "train.json"
    file.write_text(json.dumps(document))
    return file


def command(folder, *words, wait=True, group=False):
    """Runs `tau3mu.train` in a folder with a store in it.

    That is in this process if it is to be waited for; trains are processes of their own anyway.
    """
    given = [sys.executable, "-m", "tau3mu.train", *map(str, words)]
    environment = {"TAU3MU_STORE": str(folder / "store")}
    if wait:
        return _here(given, folder, environment)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        given, cwd=folder, env=os.environ | environment, start_new_session=group, **pipes
    )


def _here(given, folder, environment):
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "orig_argv", given)  # which trains record
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            code = main(given[3:])
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())


def train_folder(folder, number=1):
    return Store(folder / "store").train(number)


def wait_for(condition, seconds=60):
    """Waits until something is so, and returns it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def chunks_done(folder, number=1):
    """The chunks that the ledger of a train has."""
    trains = Store(folder / "store").trains()
    ledger = trains[number - 1] / "results" / "ledger.jsonl" if len(trains) >= number else None
    return len(ledger.read_text().splitlines()) if ledger and ledger.is_file() else 0


def states(folder, number=1):
    return [change.state.value for change in read_status(train_folder(folder, number)).changes]


def assert_same_results(one, other, names):
    """Holds that two results folders have the same bits in them."""
    before, after = open_run(one), open_run(other)
    for name in names:
        assert before[name].cutflow == after[name].cutflow
        assert before[name].counters == after[name].counters
        assert set(before[name].histograms) == set(after[name].histograms)
        for key, histogram in before[name].histograms.items():
            same = after[name].histograms[key]
            assert np.array_equal(histogram.view(flow=True), same.view(flow=True))
        first, second = before[name].candidates, after[name].candidates
        assert first.fields == second.fields
        assert first.to_list() == second.to_list()


def damage(file):
    """Overwrites the middle of a file, which can still be opened; returns what was there."""
    content = file.read_bytes()
    begin, end = int(0.3 * len(content)), int(0.6 * len(content))
    file.write_bytes(content[:begin] + bytes(end - begin) + content[end:])
    return content

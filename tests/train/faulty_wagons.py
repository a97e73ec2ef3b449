"""Wagons with planted faults, each of which a test has to find."""

from __future__ import annotations

import time
from pathlib import Path

import awkward as ak
import hist
import numpy as np

from tau3mu.outputs import Selection
from tau3mu.processing import Processor, Table, parameter
from tau3mu.selection import step

KEPT = []
TRIGGER = "no such trigger"


class Muons(Processor):
    """The muons above a transverse momentum; nothing is wrong with it."""

    columns = frozenset({"run", "lumi", "event", "muon.pt"})
    min_pt: float = parameter(4.0, help="of each muon")
    pause: float = parameter(0.0, help="seconds per chunk")
    axes = (hist.axis.Regular(10, 0, 20, name="pt", label="pt [GeV]"),)

    def select(self, events, cutflow):
        time.sleep(self.pause)
        self.spoil(events)
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        cutflow.count(muons=len(muons))
        return Table(pt=muons.pt)

    def spoil(self, events):
        """Does what a subclass does wrong."""


class Leaking(Muons):
    """Keeps some megabytes of each chunk."""

    megabytes: float = parameter(50.0, help="kept per chunk")

    def spoil(self, events):
        if len(events):
            KEPT.append(np.ones(int(self.megabytes * 1e6 / 8)))


class Large(Muons):
    """Takes some megabytes at once, after a number of chunks."""

    megabytes: float = parameter(3000.0, help="taken at once")
    after: int = parameter(3, help="chunks")

    def spoil(self, events):
        if len(events):
            KEPT.append(None)
        if len(KEPT) > self.after:
            taken = np.ones(int(self.megabytes * 1e6 / 8))
            time.sleep(1.0)
            assert taken[-1] == 1


class Raising(Muons):
    """Fails on some events."""

    def spoil(self, events):
        if len(events) and int(events.event[0]) % 2 == 0:
            raise KeyError(TRIGGER)


class Normalized(Muons):
    """Scales its histogram to unit area, which does not add up."""

    def fill(self, histograms, candidates, *, dataset, is_mc):
        super().fill(histograms, candidates, dataset=dataset, is_mc=is_mc)
        view = histograms["pt"].view(flow=True)
        values = view["value"] if view.dtype.names else view
        if hasattr(values, "sum") and values.sum():
            values /= values.sum()


class Counting(Muons):
    """Returns a largest number as if it were a number of things."""

    def select(self, events, cutflow):
        muons = cutflow.cut("pt", events.muon, events.muon.pt > self.min_pt)
        cutflow.count(most=len(events))
        cutflow.count(chunks=int(len(events) > 0))
        return Table(pt=muons.pt)


class Numbering(Muons):
    """Has a column that depends on where the chunk begins."""

    def select(self, events, cutflow):
        number = np.arange(len(events), dtype=np.float64)
        columns = {name: np.asarray(events[name]) for name in ("run", "lumi", "event")}
        rows = ak.zip(columns | {"number": number}, depth_limit=1)
        return Selection(rows, (step("all", np.ones(len(events)), len(events)),))

    axes = (hist.axis.Regular(10, 0, 20, name="number", label="number"),)


class Reading(Muons):
    """Opens a file of its own for each chunk, and prints much."""

    file: str = parameter("", help="the file")

    def spoil(self, events):
        if len(events):
            Path(self.file).read_text()
            print("x" * 100_000)

"""`tau3mu.events`: events to look at without a run."""

from __future__ import annotations

import awkward as ak
import uproot
from errors import raises

import tau3mu


def test_the_events_are_those_that_processors_get(demo):
    processor = tau3mu.DsPhiPi()
    events = tau3mu.events(demo[0], processor)
    assert (len(events), events.metadata["dataset"], events.metadata["is_mc"]) == (
        6000,
        "files",
        False,
    )
    assert len(processor.selection(events).candidates) == 748
    few = tau3mu.events("demo", {"event", "muon.pt"}, max_events=100)
    assert few.event.tolist() == events.event[:100].tolist()
    assert ak.sum(ak.num(few.muon)) == ak.sum(ak.num(few.muon.pt)) > 100


def test_what_cannot_be_read(tmp_path):
    with raises("dataset.bad-files", mentions="muon.ptt"):
        tau3mu.events("demo", "muon.ptt")
    with uproot.recreate(tmp_path / "empty.root") as file:
        file.mktree("Events", {"event": "float64"})
    with raises("dataset.bad-files", mentions="empty.root"):
        tau3mu.events(tmp_path / "empty.root", "event")

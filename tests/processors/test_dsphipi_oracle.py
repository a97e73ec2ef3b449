"""Both processors against what ROOT's RDataFrame finds in the same files, event by event."""

from __future__ import annotations

import csv
import json

import awkward as ak
import pytest
from slow_selection import select

from tau3mu.processors import DsPhiPi, DsPhiPiNotebook

CASES = [(DsPhiPi, "intended"), (DsPhiPiNotebook, "notebook")]


@pytest.fixture(params=["demo", "skim"])
def sample(request):
    return request.param, request.getfixturevalue(request.param)


@pytest.mark.parametrize(("cls", "mode"), CASES, ids=[mode for _, mode in CASES])
def test_counts_bins_and_events_are_those_of_root(sample, cls, mode, oracle, events_of):
    name, paths = sample
    expected = json.loads((oracle / f"dsphipi_{name}_{mode}.json").read_text())
    processor = cls()
    selections = [processor.selection(events_of(path, cls.columns)) for path in paths]
    flow = {
        step.name: sum(selection.cutflow[i].events for selection in selections)
        for i, step in enumerate(selections[0].cutflow)
    }
    assert flow == expected["cutflow"]
    candidates = ak.concatenate([selection.candidates for selection in selections])
    histograms = processor.histograms()
    processor.fill(histograms, candidates, dataset="x", is_mc=False)
    assert histograms["mass"]["x", "nominal", :].values().tolist() == expected["hist"]
    assert float(ak.sum(candidates.mass)) == pytest.approx(expected["sum_mass"], rel=1e-12)
    with (oracle / f"dsphipi_{name}_{mode}_events.csv").open() as file:
        events = [
            (int(r["run"]), int(r["lumi"]), int(r["evt"]), int(r["triplet"]), r["mass_GeV"],
             r["vertex_chi2"])
            for r in csv.DictReader(file)
        ]  # fmt: skip
    columns = ("run", "lumi", "event", "triplet", "mass", "vertex_chi2")
    rows = sorted(zip(*(candidates[column].tolist() for column in columns), strict=True))
    assert [(*row[:4], f"{row[4]:.9g}", f"{row[5]:.9g}") for row in rows] == events


def test_the_slow_loop_agrees_with_root_too(skim, oracle):
    expected = json.loads((oracle / "dsphipi_skim_intended.json").read_text())
    flows = [{s: e for s, e, _ in select(path, "t3m")[0]} for path in skim]
    assert {step: sum(flow[step] for flow in flows) for step in flows[0]} == expected["cutflow"]

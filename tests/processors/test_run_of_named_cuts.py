"""What the command line does with processors of named cuts, in its results folder."""

from __future__ import annotations

import json

import pytest

from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.processors import DsPhiPi
from tau3mu.run.__main__ import main

ARGUMENTS = ["--no-fit", "--processor", "dsphipi", "--processor", "dsphipi_notebook"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Results of the demo in small chunks, without and with sharing, and with distributions."""
    folder = tmp_path_factory.mktemp("runs")
    options = {"shared": [], "alone": ["--no-sharing"], "n_minus_one": ["--n-minus-one"]}
    for name, more in options.items():
        size = "7000" if name == "n_minus_one" else "2500"
        output = str(folder / name)
        assert main([*ARGUMENTS, *more, "--chunk-size", size, "--output", output]) == 0
    return folder


@pytest.mark.parametrize("processor", ["dsphipi", "dsphipi_notebook"])
@pytest.mark.parametrize("file", ["histograms.json", "cutflow.json", "counters.json"])
def test_without_sharing_the_results_have_equal_bytes(folders, processor, file):
    both = [(folders / name / processor / file) for name in ("shared", "alone")]
    if file != "counters.json" or both[0].exists():
        assert both[0].read_bytes() == both[1].read_bytes()
    candidates = [load_candidates(path.parent) for path in both]
    assert candidates[0].to_list() == candidates[1].to_list()
    assert candidates[0].type == candidates[1].type


def test_a_step_of_several_cuts_has_a_row_for_each(folders):
    (steps,) = json.loads((folders / "shared/dsphipi/cutflow.json").read_text()).values()
    rows = {step["name"]: [row["name"] for row in step.get("cuts", [])] for step in steps}
    assert rows["vertex"] == ["mass", "n_tracks", "flight"]
    assert rows["phi"] == rows["hlt"] == []
    for step in steps:
        if "cuts" in step:
            last = step["cuts"][-1]
            assert all(step[key] == last[key] for key in ("events", "candidates", "sumw"))


def test_distributions_are_added_over_the_chunks(folders, demo, events_of):
    histograms = load_histograms(folders / "n_minus_one/dsphipi")
    plain = load_histograms(folders / "shared/dsphipi")
    assert {name: histograms[name] for name in plain} == plain
    found = [DsPhiPi().n_minus_one(events_of(path, DsPhiPi.columns)) for path in demo]
    for name in found[0]:
        stored = histograms[f"n_minus_one_{name}"]
        (dataset,) = stored.axes["dataset"]
        part = stored[{"dataset": dataset, "variation": "nominal"}]
        expected = found[0][name] + found[1][name]
        assert part.values(flow=True).tolist() == expected.values(flow=True).tolist(), name
    assert histograms["cut_by_cut_phi"].sum(flow=True).value > 1480

"""The control channel and the search in trains, with their skims."""

from __future__ import annotations

import json

import pytest
from errors import raises

import tau3mu
from tau3mu.generate import generate
from tau3mu.outputs import load_candidates
from tau3mu.processors import TauTo3Mu
from tau3mu.train import Store, Train, Wagon, compose, start

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Dataset files of data of the control channel, and of data and simulation of the search."""
    folder = tmp_path_factory.mktemp("inputs")
    generate(folder, events=3_000)
    generate(folder, events=10_000, layout="t3m_tau")
    generate(folder, events=2_000, layout="t3m_tau", simulation=True)
    for name, files in {
        "control": {"Control": "Tree_PhiPi_1.root"},
        "tau": {"Data": "TreeData_1.root", "FromDs": "TreeMC_ds_1.root"},
    }.items():
        content = {
            dataset: {
                "files": {file: None},
                "metadata": {"is_mc": dataset == "FromDs", "era": "2017B"},
            }
            for dataset, file in files.items()
        }
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def wagon(processor, step, **more):
    return Wagon(processor, fit=None, outputs={"skim": {"kind": "standard", "at": step}}, **more)


def ran(train, folder):
    """Returns the results of a train."""
    composed = compose(train, Store(folder), force=list(train.wagons))
    assert start(composed) == 0
    return composed / "results"


def test_control_channel_and_search_do_not_fit_into_one_pass(inputs, tmp_path):
    """They read different ntuples: that is said of each file, before the train leaves."""
    files = [str(inputs / f"{name}.json") for name in ("control", "tau")]
    processors = ["dsphipi", "tau3mu"]
    with raises("dataset.bad-files", mentions="triplet.mu3.dxy"):
        tau3mu.run(files[0], processors, no_fit=True, output=tmp_path / "control")
    with raises("dataset.bad-files", mentions="track."):
        tau3mu.run(files[1], processors, no_fit=True, output=tmp_path / "tau")
    assert not (tmp_path / "tau").exists()


def test_the_skims_of_both_have_the_candidates_of_their_parents(inputs, tmp_path):
    for name, processor, step in (("control", "dsphipi", "vertex"), ("tau", "tau3mu", "flight")):
        train = Train([wagon(processor, step)], str(inputs / f"{name}.json"))
        results = ran(train, tmp_path / name)
        skim = results / "derived" / f"{processor}_{step}" / "dataset.json"
        again = tau3mu.run(skim, processor, no_fit=True, no_plots=True,
                           output=tmp_path / f"{name}_again")  # fmt: skip
        assert again.exit_code == 0
        columns = ["run", "lumi", "event", "mass", "vertex_chi2", "weight"]
        whole = load_candidates(results / processor)[columns].to_list()
        assert again[processor].candidates[columns].to_list() == whole
        assert len(whole) > 20


def test_a_blind_skim_is_not_read_with_open_windows(inputs, tmp_path):
    train = Train([wagon("tau3mu", "vertex")], str(inputs / "tau.json"))
    skim = ran(train, tmp_path) / "derived" / "tau3mu_vertex" / "dataset.json"
    with raises("derived.looser-cut", path="tau3mu.blind"):
        tau3mu.run(skim, TauTo3Mu(name="tau3mu", blind=False), no_fit=True,
                   output=tmp_path / "open")  # fmt: skip

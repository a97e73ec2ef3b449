"""What is wrong with a search is said before it begins, and damaged steps are not used."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from errors import raises
from misbehaving_server import misbehaving_server
from search_inputs import Inputs, data, simulation

import tau3mu
from tau3mu.generate import generate
from tau3mu.learning import sample_of
from tau3mu.outputs import load_candidates
from tau3mu.processors import TauTo3Mu
from tau3mu.search import Search, search, unblind
from tau3mu.search.checks import check_datasets_of, check_settings
from tau3mu.search.stages import run_control, run_selection
from tau3mu.storage.lock import locked


@pytest.fixture
def inputs(ntuples, tmp_path):
    return Inputs(ntuples, tmp_path)


def test_a_search_without_faults_has_none(inputs):
    found = inputs.datasets()
    assert found.facts["datasets"]["search"] == {"files": 4, "lumi": 1.0}


@pytest.mark.parametrize(
    ("channel", "parameters", "code", "path"),
    [
        ("search", {"blind": True}, "search.reserved-parameter", "search.parameters.blind"),
        ("search", {"name": "x"}, "search.reserved-parameter", "search.parameters.name"),
        ("search", {"discriminant_file": "x.json"}, "search.reserved-parameter",
         "search.parameters.discriminant_file"),
        ("search", {"with_inputs": False}, "search.reserved-parameter",
         "search.parameters.with_inputs"),
        ("control", {"name": "x"}, "search.reserved-parameter", "control.parameters.name"),
        ("search", {"blind_a": [1.63, 1.64]}, "search.open-window", "search.parameters.blind_a"),
        ("search", {"blind_b": [1.776, 1.778]}, "search.open-window", "search.parameters.blind_b"),
        ("search", {"blind_c": [1.60, 1.83]}, "search.open-window", "search.parameters.blind_c"),
        ("search", {"mass_window": [1.70, 1.90]}, "search.mass-window",
         "search.parameters.mass_window"),
        ("search", {"mass_window": [1.62, 1.95]}, "search.mass-window",
         "search.parameters.mass_window"),
    ],
)  # fmt: skip
def test_parameters_that_would_make_a_wrong_search_are_errors(
    channel, parameters, code, path, inputs
):
    inputs.search[channel]["parameters"] = parameters
    with raises(code, path=path):
        inputs.datasets()
    assert not (inputs.folder / "out").exists()


@pytest.mark.parametrize(
    "parameters",
    [
        {"blind_a": [1.755, 1.80], "blind_b": [1.74, 1.82], "blind_c": [1.70, 1.85]},
        {"mass_window": [1.60, 2.05]},
    ],
)
def test_wider_ranges_and_other_windows_around_the_tau_are_none(parameters, inputs):
    inputs.search["search"]["parameters"] = parameters
    check_settings(inputs.load())


def test_a_parameter_that_does_not_exist_is_said_before_the_first_step(inputs):
    inputs.search["control"]["parameters"] = {"flightsignificance": 3}
    with raises("processor.unknown-parameter"):
        inputs.datasets()
    inputs.search["control"]["parameters"] = {}
    inputs.search["search"]["parameters"] = {"year": 2019}
    with raises("processor.wrong-parameter"):
        inputs.datasets()
    assert not (inputs.folder / "out").exists()


def test_a_fit_that_is_not_there_is_an_error_and_a_shipped_one_is_known(inputs):
    inputs.search["control"]["fit"] = "fit.json"
    with raises("config.cannot-read", path="fit.json"):
        inputs.datasets()
    inputs.search["control"]["fit"] = "dsphipi_2017"
    check_settings(inputs.load())


def test_one_dataset_is_not_the_simulation_of_two_mesons(inputs):
    inputs.search["search"]["simulation"]["bplus"] = "ds"
    with raises("search.dataset-twice", path="search.simulation.ds"):
        inputs.datasets()


def test_simulation_that_is_not_used_is_an_error_at_once(inputs):
    del inputs.search["search"]["simulation"]["bzero"]
    with raises("search.unused-simulation", path="bzero"):
        inputs.datasets()


def test_a_fraction_is_at_most_one(inputs):
    inputs.search["constants"] = {"ds_tau_nu": {"value": 5.48}}
    with raises("search.out-of-range", path="constants.ds_tau_nu.value"):
        inputs.load()
    inputs.search["constants"] = {"b_s": {"value": 1.3}}
    assert inputs.load().constants["b_s"].value == 1.3


def test_ntuples_are_no_dataset_file(inputs):
    inputs.search["search"]["datasets"] = "tau.yaml"
    with raises("search.no-dataset-file", path="tau.yaml"):
        inputs.datasets()


@pytest.mark.parametrize(
    ("channel", "name", "file"),
    [("tau", "ds", "TreeData_2.root"), ("control", "Ds", "Tree_PhiPi_2.root")],
)
def test_data_that_are_called_simulation_would_not_be_blind(channel, name, file, inputs, ntuples):
    getattr(inputs, channel)[name] = simulation(str(ntuples / channel / file))
    with raises("search.other-kind", path=name):
        inputs.datasets()


def test_simulation_that_is_called_data_is_no_background(inputs, ntuples):
    inputs.tau["Extra"] = data(str(ntuples / "tau" / "TreeMC_ds_1.root"), lumi=1e-6)
    del inputs.tau["ds"], inputs.search["search"]["simulation"]["ds"]
    with raises("search.other-kind", path="Extra"):
        inputs.datasets()


@pytest.fixture(scope="module")
def selected(tmp_path_factory):
    """Ntuples of a few hundred candidates: two files of each kind, and one of data once more."""
    folder = tmp_path_factory.mktemp("selected")
    for channel, layout in (("control", "t3m"), ("tau", "t3m_tau")):
        generate(folder / channel, events=1500, files=2, layout=layout)
        generate(folder / channel / "again", events=1500, layout=layout, compression="zlib")
        generate(folder / channel, events=300, files=2, layout=layout, simulation=True)
    return folder


NAMES = {"control": ("Tree_PhiPi", "Tree_PhiPi_MC"), "tau": ("TreeData", "TreeMC_ds")}


@pytest.mark.parametrize(
    ("channel", "name", "second", "code"),
    [
        ("tau", "ds", "{data}_2.root", "search.other-kind"),
        ("tau", "Data", "{simulation}_2.root", "search.other-kind"),
        ("control", "Ds", "{data}_2.root", "search.other-kind"),
        ("control", "Data", "{simulation}_2.root", "search.other-kind"),
        ("tau", "Data", "again/{data}_1.root", "search.repeated-events"),
        ("control", "Data", "again/{data}_1.root", "search.repeated-events"),
    ],
)
def test_the_second_file_is_of_the_same_kind_and_has_other_events(
    channel, name, second, code, selected, inputs
):
    for each, (real, simulated) in NAMES.items():
        datasets = getattr(inputs, each)
        datasets["Data"] = data(str(selected / each / f"{real}_1.root"))
        file = selected / each / f"{simulated}_1.root"
        datasets["ds" if each == "tau" else "Ds"] = simulation(str(file))
    del inputs.tau["bplus"], inputs.tau["bzero"]
    inputs.search["search"]["simulation"] = {"ds": "ds"}
    real, simulated = NAMES[channel]
    file = selected / channel / second.format(data=real, simulation=simulated)
    getattr(inputs, channel)[name]["files"][str(file)] = None
    if (channel, name) == ("tau", "ds"):  # whose signal windows would be open
        with raises(code, path=name, mentions=str(file)):
            inputs.datasets()
    else:
        inputs.datasets()  # the first event of the first file is right
    step, options = run_selection, {"no_plots": True}
    if channel == "control":
        step, options["no_fit"] = run_control, True
    processor = "dsphipi" if channel == "control" else "tau3mu"
    path = f"results/{processor}" if second.startswith("again") else name
    with raises(code, path=path, mentions=str(file)):
        step(Search(inputs.load(), inputs.folder, options), inputs.folder / channel)
    if channel == "tau":  # there is nothing to look at in the windows
        assert [one.name for one in (inputs.folder / channel).glob("*")] == []


@pytest.mark.parametrize("year", ["2017", "2018"])
def test_ntuples_on_a_server_and_those_of_each_year_give_the_same_numbers(year, selected, inputs):
    names = {"Data": "TreeData_1.root", "ds": "TreeMC_ds_1.root"}
    inputs.search["search"] = {"datasets": "tau.json", "simulation": {"ds": "ds"},
                               "parameters": {"year": year}}  # fmt: skip
    found = []
    with misbehaving_server(selected / "tau") as (server, requests):
        for place in (str(selected / "tau"), server):
            inputs.tau = {"Data": data(f"{place}/{names['Data']}", era=f"{year}B"),
                          "ds": simulation(f"{place}/{names['ds']}", era=f"{year}B")}  # fmt: skip
            assert inputs.datasets().facts["datasets"]["search"] == {"files": 2, "lumi": 1.0}
            one = Search(inputs.load(), inputs.folder, {"no_plots": True})
            found.append(run_selection(one, inputs.folder / f"selected_{len(found)}"))
        assert set(requests) == {f"/{name}" for name in names.values()}
    assert found[0] == found[1]
    assert found[0]["generated"] == {"Data": 1500.0, "ds": 300.0}
    selected_of = found[0]["selected"]
    assert selected_of["Data"] > 3
    assert (selected_of["ds"] > 30) == (year == "2017")  # toys fire the path of 2018 less often
    candidates = load_candidates(inputs.folder / "selected_1" / "results" / "tau3mu")
    assert set(candidates.data_year.tolist()) == {int(year)}


def test_triggers_of_another_year_are_an_error(inputs):
    inputs.tau["Data"]["metadata"]["era"] = "2018A"
    with raises("search.other-year", path="Data"):
        inputs.datasets()
    inputs.tau["Data"]["metadata"]["era"] = "toys"
    inputs.datasets()


@pytest.mark.parametrize(
    ("control", "tau", "code"),
    [
        ({"B": 1.0}, {"B": 1.02}, "search.other-luminosity"),
        ({"B": 1.0}, {"B": 1.005}, None),
        ({"B": 1.0}, {"B": None}, "search.no-luminosity"),
        ({"B": None}, {"B": 1.0}, "search.no-luminosity"),
        ({"B": None}, {"B": None}, None),
        ({"B": 1.0, "C": 2.0}, {"B": 1.0, "C": None}, "search.no-luminosity"),
        ({"B": 1.0, "C": 2.0}, {"B": 2.0, "C": 1.0}, "search.other-luminosity"),
        ({"B": 1.0, "C": 2.0}, {"B": 1.0, "C": 2.0}, None),
        ({"B": 1.0, "C": 2.0}, {"all": 3.0}, None),
    ],
)
def test_luminosities_are_compared_era_by_era(control, tau, code, inputs, monkeypatch):
    from tau3mu.datasets.dataset import Dataset
    from tau3mu.search import checks

    monkeypatch.setattr(checks, "_check_label", lambda *_, **__: None)
    config = inputs.load()
    made = [
        [Dataset(f"{name}{era}", {f"{name}{era}.root": None}, era=era, lumi=lumi)
         for era, lumi in eras.items()]
        for name, eras in (("control", control), ("tau", tau))
    ]  # fmt: skip
    if code is None:
        check_datasets_of(config, *made)
    else:
        with raises(code):
            check_datasets_of(config, *made)


def test_a_folder_in_which_another_search_is_at_work_is_left_alone(inputs):
    found = inputs.datasets()
    with locked(found.folder):
        with raises("storage.locked"):
            inputs.datasets()
        with raises("storage.locked"):
            unblind(found.folder, "0" * 16)
    assert inputs.datasets().facts == found.facts


def test_what_would_change_after_unblinding_is_named(inputs, ntuples):
    file = inputs.folder / "data.root"
    shutil.copy(ntuples / "tau" / "TreeData_1.root", file)
    inputs.tau["Data"] = data(str(file))
    found = inputs.datasets()
    os.utime(file, ns=(1, 1))
    with raises("search.not-frozen", path="datasets", mentions=str(file)):
        unblind(found.folder, "0" * 16)
    (found.folder / "unblinded.json").write_text("{}")
    with raises("search.unblinded", path="datasets", mentions=str(file)):
        inputs.datasets()
    shutil.copy2(ntuples / "tau" / "TreeData_1.root", file)
    inputs.tau["Data"]["metadata"]["lumi"] = 1.001
    inputs.control["Data"]["metadata"]["lumi"] = 1.001
    with raises("search.unblinded", path="datasets", mentions="Data"):
        inputs.datasets()


class TestDamage:
    """What becomes of a search whose step has been damaged."""

    @pytest.fixture
    def done(self, inputs):
        found = inputs.datasets()
        return found, found.at("datasets")

    def again(self, found):
        steps = []
        search(found.config, found.folder, until="datasets", resume=True,
               tell=lambda *one: steps.append(one[1]))  # fmt: skip
        return steps

    @pytest.mark.parametrize(
        "text", [b"{", b"[1]", b"\xff\xfe", b"", b'{"key": "0"}', b'{"key": "0", "facts": null}']
    )
    def test_a_record_that_cannot_be_read_is_made_again(self, text, done):
        found, folder = done
        (folder / "step.json").write_bytes(text)
        assert self.again(found) == ["begins", "done"]
        assert self.again(found) == ["as before"]

    def test_a_record_with_other_facts_is_made_again(self, done):
        found, folder = done
        content = json.loads((folder / "step.json").read_text())
        content["facts"]["search"]["lumi"] = 7.0
        (folder / "step.json").write_text(json.dumps(content))
        assert self.again(found) == ["begins", "done"]
        assert json.loads((folder / "step.json").read_text())["facts"]["search"]["lumi"] == 1.0

    def test_what_began_and_cannot_be_read_begins_again(self, done):
        found, folder = done
        (folder / "step.json").unlink()
        (folder / "begun.json").write_bytes(b"\xff\xfe")
        assert self.again(found) == ["begins", "done"]

    def test_a_step_that_began_in_another_place_begins_again(self, done):
        found, folder = done
        (folder / "step.json").unlink()
        (folder / "results").mkdir()  # of a run that was interrupted
        moved = found.folder.with_name("moved")
        shutil.move(found.folder, moved)
        search(found.config, moved, until="datasets", resume=True)
        assert not (moved / "datasets" / "results").exists()


def test_events_of_data_that_come_twice_are_no_sample(tmp_path):
    options = {"events": 1500, "layout": "t3m_tau"}
    for name, compression in (("one", "zstd"), ("other", "zlib")):
        generate(tmp_path / name, compression=compression, **options)
    generate(tmp_path, simulation=True, **options)
    names = {"A": "one/TreeData_1.root", "B": "other/TreeData_1.root"}
    content = {name: data(file) for name, file in names.items()}
    file = tmp_path / "datasets.json"
    file.write_text(json.dumps(content | {"ds": simulation("TreeMC_ds_1.root")}))
    found = tau3mu.run(str(file), TauTo3Mu(), output=tmp_path / "results", no_fit=True,
                       no_plots=True)  # fmt: skip
    assert found.exit_code == 0
    with raises("learning.repeated-events"):
        sample_of(tmp_path / "results", {"ds": 1.0})

"""The search from toy ntuples to limits: its numbers, its cache, and what stays closed."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import shutil
from html import escape as html_escape
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.console.terminal import PlainConsole
from tau3mu.discriminant import FEATURES, feature_matrix
from tau3mu.fit import load_model as load_fit
from tau3mu.fit.language.parts import Input
from tau3mu.generate import generate
from tau3mu.generate.files import luminosity
from tau3mu.limits import impacts, limit, load_model, significance
from tau3mu.outputs import load_candidates
from tau3mu.processors import TauTo3Mu
from tau3mu.results.yields import Amount, Yield, YieldTable, with_constancy
from tau3mu.run import ProcessorResults
from tau3mu.search import STEPS, frozen_hash, load_config, search, statistics, unblind
from tau3mu.search.__main__ import main, print_search
from tau3mu.search.control import ratios_off, with_ratios, yields_by_era
from tau3mu.search.normalization import Measured, decays, sources_of_uncertainty
from tau3mu.search.peaks import peak_of
from tau3mu.search.refits import fit_of_simulation

pytestmark = pytest.mark.timeout(600)
LUMI = 1.0
CROSS_SECTION = 11.4 * 0.6 / 0.9  # pb; data fire the triggers in 60 %, simulation in 90 %


def dataset(file, era="2017B", *, is_mc=False, **facts):
    return {"files": {file: None}, "metadata": {"is_mc": is_mc, "era": era} | facts}


def control_datasets(first, second, generated):
    return {
        "First": dataset("control/Tree_PhiPi_1.root", lumi=first),
        "Second": dataset("control/Tree_PhiPi_2.root", "2017C", lumi=second),
        "Ds": dataset("control/Tree_PhiPi_MC_1.root", is_mc=True, cross_section=CROSS_SECTION,
                      generated=generated),
    }  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Ntuples of 1 fb⁻¹ with simulation, their dataset files, and the search file."""
    folder = tmp_path_factory.mktemp("inputs")
    generate(folder / "control", events=95_000, files=2, workers=2)
    generate(folder / "control", events=8_000, simulation=True)
    generate(folder / "tau", events=50_000, layout="t3m_tau")
    origins = ("ds", "bplus", "bzero")
    for origin in origins:
        generate(folder / "tau", events=8_000, layout="t3m_tau", simulation=True, origin=origin)

    assert luminosity("t3m", 190_000) == luminosity("t3m_tau", 50_000) == LUMI
    control = control_datasets(LUMI / 2, LUMI / 2, 8_000)
    tau = {"Data": dataset("tau/TreeData_1.root", lumi=LUMI)}
    tau |= {origin: dataset(f"tau/TreeMC_{origin}_1.root", is_mc=True) for origin in origins}
    (folder / "control.json").write_text(json.dumps(control))
    (folder / "tau.json").write_text(json.dumps(tau))
    content = {
        "schema_version": 1,
        "control": {"datasets": "control.json", "simulation": "Ds"},
        "search": {
            "datasets": "tau.json",
            "simulation": {"ds": "ds", "bplus": "bplus", "bzero": "bzero"},
        },
        "constants": {"d_plus": {"value": 1.0}, "b_s": {"value": 1.0}},
        "training": {"trees": 40, "folds": 3},
        "bins": 1,
        "branching_fraction": 1e-6,
    }
    (folder / "search.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def done(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search") / "out"
    steps = []
    found = search(inputs / "search.json", folder, tell=lambda *one: steps.append(one))
    assert [step for step, what in steps if what == "begins"] == list(STEPS)
    return found


@pytest.fixture
def copied(done, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(done.folder, folder)
    return folder


def rank(values):
    return np.argsort(np.argsort(np.asarray(values)))


def again(inputs, folder, tmp_path, **changes):
    content = json.loads((inputs / "search.json").read_text())
    for part in ("control", "search"):
        content[part]["datasets"] = str(inputs / content[part]["datasets"])
    file = tmp_path / "other.json"
    file.write_text(json.dumps(content | changes))
    steps = []
    found = search(file, folder, resume=True, tell=lambda *one: steps.append(one))
    return found, [step for step, what in steps if what == "begins"]


@pytest.mark.integration
class TestChain:
    def test_the_numbers_of_d_s_and_of_tau_are_those_that_were_generated(self, done):
        control = done.facts["control"]
        # Data fire the triggers in 60 % of the events that simulation has 90 % of.
        expected = 11_400 * LUMI * (0.6 / 0.9) * control["selected"] / control["generated"]
        assert control["number"] == pytest.approx(expected, abs=4 * control["error"])
        measured = Measured(*(control[name] for name in (
            "number", "error", "selected", "selected_error", "generated")))  # fmt: skip
        from tau3mu.search.config import constants_of

        numbers = decays(measured, constants_of(done.config), 1e-6)
        assert numbers["bplus"] / numbers["ds"] == pytest.approx(0.27, rel=0.01)
        of_generator = 11_400 * LUMI * (0.6 / 0.9) * 5.48e-2 / 1.29e-5 * 1e-6
        error = control["error"] / control["number"]
        assert numbers["ds"] == pytest.approx(of_generator, rel=4 * error)

    def test_eras_agree_with_each_other_and_with_simulation(self, done):
        control = done.facts["control"]
        (table,) = control["yields"]["fitted"].values()
        assert list(table["eras"]) == ["2017B", "2017C"]
        amounts = [row["amount"]["value"] for row in table["eras"].values()]
        assert sum(amounts) == pytest.approx(control["number"], rel=0.01)
        errors = [row["amount"]["error"] for row in table["eras"].values()]
        assert np.hypot(*errors) == pytest.approx(control["error"], rel=0.25)
        for row, amount in zip(table["eras"].values(), amounts, strict=True):
            assert row["per_fb"]["value"] == pytest.approx(amount / (LUMI / 2))
            ratio = row["ratio"]
            assert ratio["value"] == pytest.approx(1, abs=3 * ratio["error"])
        ratio = table["total"]["ratio"]["value"]
        per_fb = 1000 * CROSS_SECTION * control["selected"] / control["generated"]
        assert ratio == pytest.approx(control["number"] / (per_fb * LUMI))
        assert control["off"] == {"per_fb": [], "ratio": []}
        assert (done.at("control") / "eras.png").stat().st_size > 10_000

    def test_wrong_combinations_of_simulation_are_no_d_s(self, done):
        """They are no part of the peak in data either, whose fit is the number of D_s."""
        candidates = load_candidates(done.at("control") / "results" / "dsphipi")
        simulated = candidates[candidates.dataset == "Ds"]
        below = (simulated.mass > 1.65) & (simulated.mass < 1.90)  # five widths away
        wrong = ak.sum(simulated.weight[below]) * 0.36 / 0.25
        every = ak.sum(simulated.weight)
        assert wrong > 0.03 * every
        selected = done.facts["control"]["selected"]
        assert selected == pytest.approx(every - wrong, rel=0.02)
        assert done.facts["control"]["selected_error"] == pytest.approx(selected**0.5, rel=0.1)

    def test_a_fit_of_single_entries_sees_the_same_d_s_in_simulation(self, done):
        results = done.run("control")["dsphipi"]
        model = results.fit.model
        entries = Input(column="mass")
        unbinned = dataclasses.replace(
            results.fit, model=model.model_copy(update={"input": entries})
        )
        found = fit_of_simulation("Ds", results, unbinned, "Ds").parameters["nDs"]
        simulated = results.candidates[results.candidates.dataset == "Ds"]
        weight = np.mean(ak.to_numpy(simulated.weight))
        control = done.facts["control"]
        assert found.value * weight == pytest.approx(control["selected"], rel=0.01)

    def test_expected_yields_add_up_with_their_uncertainties(self, done):
        rows = done.facts["model"]["yields"]
        assert list(rows) == ["A1", "B1", "C1", "all"]
        channels = [rows[name] for name in ("A1", "B1", "C1")]
        for key in ("signal", "sidebands", "signal_in_window", "background_in_window"):
            assert rows["all"][key] == pytest.approx(sum(one[key] for one in channels))
        relative = {one["name"]: one["relative"] for one in done.facts["model"]["budget"]}
        assert relative["mass_scale"] == 0.0009
        common = np.hypot(relative["ds_yield"], relative["control_simulation"])
        common = np.hypot(common, relative["ds_phi_mumu_pi"])
        for row in rows.values():  # what is common is not made smaller by the sum
            assert common < row["error"] / row["signal"] < math.hypot(*relative.values())
        assert relative.keys() >= done.facts["limit"]["effects"].keys()

    def test_a_search_shows_its_tables(self, done):
        tables = done.tables
        assert list(tables) == ["datasets", "eras", "training", "yields", "budget", "limit"]
        text, html = repr(done), done._repr_html_()
        for table in tables.values():
            assert repr(table) in text
            for row in table.rows:
                assert all(html_escape(cell) in html for cell in row)
        assert html.count("<table") == len(tables)
        yields = done.facts["model"]["yields"]["all"]
        assert f"{yields['signal']:.2f}" in tables["yields"].rows[-1][1]
        assert len(done.run("control")["dsphipi"].candidates) > 1000

    def test_the_model_has_the_signal_that_the_selection_keeps(self, done):
        model = load_model(done.at("model") / "model.json")
        candidates = load_candidates(done.at("scores") / "results" / "tau3mu")
        ds = candidates[candidates.dataset == "ds"]
        from tau3mu.search.readings import expected_decays

        per_event = expected_decays(done)["ds"]
        for letter, number in zip("ABC", range(3), strict=True):
            edge = done.facts["bins"][letter]["edges"][0]
            kept = (ds.category == number) & (ds.score >= edge) & (ds.mass > 1.62) & (ds.mass < 2)
            channel = model.channels[f"{letter}1"]
            from_ds = per_event * ak.sum(ds.weight[kept])
            share = done.facts["model"]["channels"][f"{letter}1"]["origins"]["ds"]
            assert channel.signal.signal_yield * share == pytest.approx(from_ds, rel=1e-6)
            assert channel.signal.mean == pytest.approx(1.777, abs=0.004)
            assert channel.windows[0] == ((1.75, 1.80), (1.74, 1.82), (1.73, 1.83))[number]
            every = candidates[candidates.dataset != "Data"]
            kept = (every.category == number) & (every.score >= edge) & (every.mass > 1.62)
            kept = kept & (every.mass < 2)
            per_dataset = expected_decays(done)
            weight = np.array([per_dataset[name] for name in every.dataset[kept].to_list()])
            sums = {way: float((weight * ak.to_numpy(every[f"weight{way}"][kept])).sum())
                    for way in ("", "_muon_sf_up", "_muon_sf_down")}  # fmt: skip
            control = done.facts["control"]["variations"]["muon_sf"]
            assert model.nuisances["muon_sf"].rate[f"{letter}1"] == pytest.approx(
                [sums["_muon_sf_down"] / sums[""] / (1 + control[0]),
                 sums["_muon_sf_up"] / sums[""] / (1 + control[1])]
            )  # fmt: skip
        names = {"ds_yield", "ds_phi_mumu_pi", "muon_sf", "simulation_A1", "mass_scale"}
        assert names <= model.nuisances.keys()

    def test_bins_with_too_few_simulated_candidates_are_counted(self, done, monkeypatch, capsys):
        channels = done.facts["model"]["channels"]
        assert done.facts["model"]["left_out"] == {}
        assert done.tables["yields"].warnings == []
        smallest = min(channels, key=lambda name: channels[name]["simulated"])
        monkeypatch.setattr(statistics, "_FEWEST", channels[smallest]["simulated"] + 1)
        content, table, left_out = statistics.model_content(done)
        assert table.keys() == content["channels"].keys() == channels.keys() - {smallest}
        names = ("signal", "simulated", "sidebands")
        assert left_out == {smallest: {name: channels[smallest][name] for name in names}}
        facts = done.facts | {"model": done.facts["model"] | {"left_out": left_out}}
        other = dataclasses.replace(done, facts=facts)
        (warning,) = other.tables["yields"].warnings
        assert smallest in warning
        assert f" {channels[smallest]['simulated']} " in warning
        print_search(PlainConsole(soft_wrap=True), other)
        assert f"warning: {warning}" in capsys.readouterr().out

    def test_the_check_of_the_mass_says_with_how_many_candidates(self, done):
        training = copy.deepcopy(done.facts["training"])
        (note,) = done.tables["training"].notes
        for one in training["checks"]["efficiency_against_mass"].values():
            assert len(one["candidates"]) == 8
            inside = sum(one["candidates"])
            assert inside + one["outside"] == training["candidates"]["signal"]
            assert f" {inside} of {training['candidates']['signal']} " in note
            one["candidates"] = one["candidates"][:3]
        few = dataclasses.replace(done, facts=done.facts | {"training": training})
        (warning,) = few.tables["training"].warnings
        assert " 3 of 8 " in warning
        training["checks"]["efficiency_against_mass"] = {}
        (warning,) = few.tables["training"].warnings
        assert " 0 of 8 " in warning

    def test_no_input_of_the_discriminant_knows_how_sharp_the_mass_is(self, done):
        """Where one does, the efficiency of a cut is another at the ends of the signal window."""
        candidates = load_candidates(done.at("selection") / "results" / "tau3mu")
        signal = candidates[candidates.dataset != "Data"]
        columns = {name: signal[name] for name in signal.fields}
        matrix = feature_matrix({k: ak.to_numpy(v) for k, v in columns.items() if k != "dataset"},
                                FEATURES)  # fmt: skip
        ranks = [rank(values) for values in matrix.T if np.ptp(values)]
        resolution = rank(signal.mass_resolution)
        assert len(ranks) == len(FEATURES) - 1  # all are of the same year
        assert max(abs(np.corrcoef(one, resolution)[0, 1]) for one in ranks) < 0.15
        for_comparison = np.corrcoef(rank(signal.pt), resolution)[0, 1]
        assert for_comparison < -0.2

    def test_the_limit_is_near_that_of_counting(self, done):
        limit = done.facts["limit"]
        assert limit["expected"]["0"] == pytest.approx(limit["counting"], rel=0.5)
        assert limit["expected"]["-1"] < limit["expected"]["0"] < limit["expected"]["1"]
        assert 0 < limit["effects"]["ds_phi_mumu_pi"] < 0.05
        assert json.loads((done.at("limit") / "limits.json").read_text())["observed"] is None

    def test_no_candidate_of_data_is_in_a_window(self, done):
        for step in ("selection", "scores"):
            candidates = load_candidates(done.at(step) / "results" / "tau3mu")
            data = candidates[candidates.dataset == "Data"]
            low, high = np.array([(1.75, 1.80), (1.74, 1.82), (1.73, 1.83)])[data.category].T
            mass = ak.to_numpy(data.mass)
            assert len(mass) > 100
            assert not ((mass >= low) & (mass <= high)).any()

    def test_nothing_is_done_twice(self, inputs, copied, tmp_path):
        before = {path: path.stat().st_mtime_ns for path in copied.rglob("*.json")
                  if path.name != "search.json"}  # fmt: skip
        found, steps = again(inputs, copied, tmp_path)
        assert steps == []
        assert {path: path.stat().st_mtime_ns for path in before} == before
        assert found.facts["limit"]["expected"]["0"] > 0

    def test_what_has_changed_is_done_again_with_all_that_follows(self, inputs, copied, tmp_path):
        _, steps = again(inputs, copied, tmp_path, cl=0.95)
        assert steps == ["limit"]
        constants = {"d_plus": {"value": 1.05}, "b_s": {"value": 1.0}}
        _, steps = again(inputs, copied, tmp_path, cl=0.95, constants=constants)
        assert steps == ["training", "scores", "bins", "model", "limit"]

    def test_a_step_that_stopped_goes_on(self, inputs, done, copied, tmp_path):
        (copied / "selection" / "step.json").unlink()
        shutil.rmtree(copied / "model")
        found, steps = again(inputs, copied, tmp_path)
        assert steps == ["selection", "model"]
        assert found.keys == done.keys

    def test_unblinding_needs_the_hash_and_then_nothing_changes(
        self, inputs, done, copied, tmp_path, capsys
    ):
        digest = frozen_hash(done)
        with raises("search.other-hash", path="hash", mentions=str(copied)) as error:
            unblind(copied, "0" * 16)
        assert digest not in str(error.value)
        assert not (copied / "unblinded").exists()
        assert main(["unblind", str(copied), "--hash", digest]) == 0
        assert "observed" in capsys.readouterr().out
        limits = json.loads((copied / "unblinded" / "limit" / "limits.json").read_text())
        assert limits["observed"] > 0
        record = json.loads((copied / "unblinded.json").read_text())
        assert record["hash"] == digest
        blind = load_candidates(copied / "scores" / "results" / "tau3mu")
        opened = load_candidates(copied / "unblinded" / "results" / "tau3mu")
        data, all_data = (one[one.dataset == "Data"] for one in (blind, opened))
        assert len(all_data) > len(data)
        seen = {(c.run, c.lumi, c.event): c.score for c in data}
        scores = {(c.run, c.lumi, c.event): c.score for c in all_data}
        # An event with a better candidate in the window shows that one now.
        assert np.mean([scores[key] == score for key, score in seen.items()]) > 0.95
        with raises("search.unblinded", path="limit"):
            again(inputs, copied, tmp_path, cl=0.95)
        found, steps = again(inputs, copied, tmp_path)
        assert steps == []
        assert found.is_unblinded
        moved = copied.with_name("moved")
        shutil.move(copied, moved)
        assert unblind(moved, digest).observed == limits["observed"]

    def test_what_has_changed_since_another_hash_is_said_but_not_the_right_hash(
        self, inputs, done, copied, tmp_path
    ):
        found, _ = again(inputs, copied, tmp_path, cl=0.95, title="Toys")
        changes = ("limit: cl was 0.9 and is 0.95", 'is "Toys"')
        with raises("search.other-hash", path="hash", mentions=changes) as error:
            unblind(copied, frozen_hash(done))
        assert frozen_hash(found) not in str(error.value)
        hashes = {path.stem for path in (copied / "frozen").iterdir()}
        assert hashes == {frozen_hash(one) for one in (done, found)}
        assert not (copied / "unblinded.json").exists()

    def test_an_unfinished_search_is_not_unblinded(self, copied):
        (copied / "model" / "step.json").unlink()
        with raises("search.not-frozen", path="model"):
            unblind(copied, "0" * 16)

    def test_a_model_that_was_edited_is_not_what_was_agreed_on(
        self, inputs, done, copied, tmp_path
    ):
        model = copied / "model" / "model.json"
        content = json.loads(model.read_text())
        content["channels"]["A1"]["signal"]["yield"] *= 2
        model.write_text(json.dumps(content))
        with raises("search.changed-file", path="model.json"):
            unblind(copied, frozen_hash(done))
        with raises("search.changed-file", path="model.json"):
            again(inputs, copied, tmp_path)
        assert not (copied / "unblinded.json").exists()
        assert json.loads(model.read_text()) == content

    @pytest.mark.parametrize(
        ("step", "file"),
        [("training", "discriminant.json"), ("scores", "results/tau3mu/candidates.root")],
    )
    def test_what_was_cut_off_is_not_used_and_what_is_missing_is_made_again(
        self, step, file, inputs, done, copied, tmp_path
    ):
        path = copied / step / file
        content = path.read_bytes()
        path.write_bytes(content[:1000])
        with raises("search.changed-file", path=path.name):
            again(inputs, copied, tmp_path)
        path.unlink()
        found, steps = again(inputs, copied, tmp_path)
        assert steps == [step]
        assert path.exists()
        assert found.facts == done.facts
        if step == "training":
            assert path.read_bytes() == content
            assert frozen_hash(found) == frozen_hash(done)

    def test_a_search_that_has_changed_is_refused_and_stays(self, done, copied):
        file = copied / "search.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"cl": 0.95}))
        before = (copied / "limit" / "limits.json").read_bytes()
        with raises("search.not-frozen", path="limit"):
            unblind(copied, frozen_hash(done))
        assert (copied / "limit" / "limits.json").read_bytes() == before

    def test_another_veto_than_in_the_training_is_an_error(self, done):
        file = str(done.at("training") / "discriminant.json")
        assert TauTo3Mu(discriminant_file=file).discriminant is not None
        with raises("discriminant.other-selection", path="phi_veto_a"):
            TauTo3Mu(discriminant_file=file, phi_veto_a=(0.99, 1.05))

    def test_open_data_are_no_sample_to_train_with(self, copied, done):
        from tau3mu.learning import sample_of

        results = copied / "selection" / "results"
        manifest = json.loads((results / "run.json").read_text())
        manifest["configuration"]["processors"]["tau3mu"]["parameters"]["blind"] = False
        (results / "run.json").write_text(json.dumps(manifest))
        weights = dict.fromkeys(("ds", "bplus", "bzero"), 1.0)
        with raises("learning.not-blind"):
            sample_of(results, weights, folds=3)


def model_of_data(done, folder, seed, fraction=0.0):
    """Returns the model with data of another seed, which the frozen discriminant has scored."""
    generate(folder, events=50_000, layout="t3m_tau", seed=seed, branching_fraction=fraction)
    file = str(done.at("training") / "discriminant.json")
    processor = TauTo3Mu(name="tau3mu", blind=False, discriminant_file=file)
    found = tau3mu.run(str(folder / "TreeData_1.root"), processor, output=folder / "results",
                       no_fit=True, no_plots=True)  # fmt: skip
    assert found.exit_code == 0
    content = json.loads((done.at("model") / "model.json").read_text())
    for channel in content["channels"].values():
        channel["data"]["results"] = "results"
    (folder / "model.json").write_text(json.dumps(content))
    return folder / "model.json"


@pytest.mark.integration
class TestOtherData:
    """Experiments of the truth that the generator knows; the benchmark makes many."""

    def test_without_signal_the_limit_is_in_its_band(self, done, tmp_path):
        found = limit(model_of_data(done, tmp_path, seed=5), cl=done.config.cl, observed=True)
        assert found.expected[-2] <= found.observed <= found.expected[2]
        blind = done.facts["limit"]["expected"]["0"]
        assert found.expected[0] == pytest.approx(blind, rel=0.25)

    def test_a_signal_of_ten_times_the_limit_is_found_as_it_was_injected(self, done, tmp_path):
        r = 10 * done.facts["limit"]["expected"]["0"]
        fraction = r * done.config.branching_fraction
        model = model_of_data(done, tmp_path, seed=6, fraction=fraction)
        fitted = impacts(model, observed=True)
        assert fitted.best == pytest.approx(r, abs=2 * fitted.error)
        assert fitted.error < r / 4
        assert significance(model, observed=True).z > 5


@pytest.fixture(scope="module")
def two_eras(tmp_path_factory):
    """Ntuples of two eras of the same luminosity, 0.2 fb⁻¹ each."""
    folder = tmp_path_factory.mktemp("eras")
    generate(folder / "control", events=38_000, files=2, seed=3, workers=2)
    generate(folder / "control", events=4_000, simulation=True)
    generate(folder, events=20, layout="t3m_tau")  # of which no more than the kind is looked at
    generate(folder, events=20, layout="t3m_tau", simulation=True)
    simulated = dataset("TreeMC_ds_1.root", is_mc=True)
    for name, lumi in (("tau", 0.4), ("tau_of_wrong_control", 0.6)):
        content = {"Data": dataset("TreeData_1.root", lumi=lumi), "ds": simulated}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.mark.integration
def test_an_era_of_wrong_luminosity_is_flagged_and_it_alone(two_eras, tmp_path, capsys):
    lumi = 0.2
    control = control_datasets(lumi, 2 * lumi, 4_000)
    (two_eras / "control.json").write_text(json.dumps(control))
    file = two_eras / "search.json"
    file.write_text(json.dumps(minimal(
        control={"datasets": "control.json", "simulation": "Ds"},
        search={"datasets": "tau_of_wrong_control.json", "simulation": {"ds": "ds"}},
    )))  # fmt: skip
    folder = tmp_path / "out"
    assert main([str(file), "--output", str(folder), "--until", "control"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("LOW") == 2  # per fb⁻¹, and over simulation
    assert "HIGH" not in shown

    found = search(file, folder, until="control", resume=True)
    facts = found.facts["control"]
    assert facts["off"] == {"per_fb": ["2017C"], "ratio": ["2017C"]}
    right, wrong = facts["yields"]["fitted"]["Ds"]["eras"].values()
    assert right["ratio"]["value"] == pytest.approx(1, abs=3 * right["ratio"]["error"])
    assert wrong["ratio"]["value"] == pytest.approx(0.5, abs=3 * wrong["ratio"]["error"])
    assert wrong["compared"]["relative"] == pytest.approx(-0.5, abs=0.15)
    assert wrong["compared"]["deviation"] < -3
    assert (right["compared"]["off"], wrong["compared"]["off"]) == (False, True)
    assert len(found.tables["eras"].warnings) == 2

    # Data are what the signal is normalized to: neither luminosity nor cross section change it.
    measured = Measured(**{name: facts[name] for name in Measured.__dataclass_fields__})
    control["Ds"]["metadata"] |= {"cross_section": 2 * CROSS_SECTION, "generated": 8_000}
    (two_eras / "control.json").write_text(json.dumps(control))
    again = search(file, folder, until="control", resume=True).facts["control"]
    changed = Measured(**{name: again[name] for name in Measured.__dataclass_fields__})
    assert changed.number == measured.number
    assert changed.generated == 8_000  # the file has half of what was generated, as a skim has
    assert changed.produced == pytest.approx(2 * measured.produced)
    before, after = (one["yields"]["fitted"]["Ds"]["total"]["ratio"] for one in (facts, again))
    assert after["value"] == pytest.approx(before["value"])

    os.utime(two_eras / "TreeData_1.root", ns=(1, 1))
    steps = []
    search(file, folder, until="control", resume=True, tell=lambda *one: steps.append(one))
    assert steps == [("datasets", "begins"), ("datasets", "done"), ("control", "as before")]


@pytest.mark.integration
def test_a_fit_by_era_gives_the_same_numbers(two_eras, tmp_path):
    (two_eras / "by_era.json").write_text(json.dumps(control_datasets(0.2, 0.2, 4_000)))
    content = load_fit("dsphipi_2017").to_dict()
    spectra, method = content["spectra"], content["method"]
    content["spectra"] = {f"Run2017{era}": spectra[f"Run2017{era}"] for era in "BC"}
    method["stages"] = [one for one in method["stages"] if one["spectrum"] in content["spectra"]]
    (two_eras / "eras.json").write_text(json.dumps(content))
    file = two_eras / "search_by_era.json"
    file.write_text(json.dumps(minimal(
        control={"datasets": "by_era.json", "simulation": "Ds", "fit": "eras.json",
                 "yield_parameter": "Ds"},
        search={"datasets": "tau.json", "simulation": {"ds": "ds"}},
    )))  # fmt: skip
    found = search(file, tmp_path / "out", until="control")
    facts = found.facts["control"]
    assert facts["off"] == {"per_fb": [], "ratio": []}

    of_eras = found.run("control")["dsphipi"]
    of_all = tau3mu.fit(load_fit("dsphipi"), of_eras)
    number = of_all.parameters["nDs"]
    assert facts["number"] == pytest.approx(number.value, rel=0.01)
    assert facts["error"] == pytest.approx(number.error, rel=0.03)
    simulated = fit_of_simulation("Ds", of_eras, of_all, "Ds").parameters["nDs"]
    assert facts["selected"] == pytest.approx(simulated.value, rel=0.01)
    results = ProcessorResults("dsphipi", of_eras.folder, of_eras.datasets, fit=of_all)
    rows = yields_by_era(results, of_all, "Ds").eras
    for era, row in facts["yields"]["fitted"]["Ds"]["eras"].items():
        assert rows[era].amount.value == pytest.approx(row["amount"]["value"], rel=0.02)
        assert rows[era].amount.error == pytest.approx(row["amount"]["error"], rel=0.15)


def yield_of(value, error, lumi, **more):
    amount = Amount(value, error)
    return Yield(amount, [], lumi, amount.per(lumi), **more)


@pytest.mark.parametrize(
    ("rates", "expected", "per_fb", "ratio"),
    [
        ((1000, 1000, 600), 1000, ["2"], ["2"]),  # the median tells
        ((1000, 1000, 600), 600, ["2"], ["0", "1"]),  # and needs no simulation
        ((1000, 600), None, ["0", "1"], []),  # of two, nobody can tell
        ((1000, 600), 1000, ["1"], ["1"]),
        ((1000, 600), 600, ["0"], ["0"]),
        ((1000, 600), 2000, ["0", "1"], ["0", "1"]),
        ((1000, 950), 1500, [], ["0", "1"]),
        ((1000, 950), 900, [], []),
    ],
)
def test_which_eras_are_off(rates, expected, per_fb, ratio):
    rows = {str(i): yield_of(one, 20, 1.0) for i, one in enumerate(rates)}
    table = with_constancy(YieldTable("Ds", rows, valid=True), np.diag([400.0] * len(rates)))
    table = with_ratios(table, None if expected is None else Amount(expected, 10))
    assert (table.off, ratios_off(table)) == (per_fb, ratio)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    (tmp_path / "search.json").write_text(json.dumps(minimal()))
    with raises("search.folder-in-use"):
        search(tmp_path / "search.json", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def minimal(**changes):
    return {
        "schema_version": 1,
        "control": {"datasets": "demo", "simulation": "Ds"},
        "search": {"datasets": "demo", "simulation": {"ds": "ds"}},
    } | changes


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"bins": 0}, "search.out-of-range", "bins"),
        ({"cl": 95}, "search.out-of-range", "cl"),
        ({"colour": 1}, "search.unknown-key", "colour"),
        ({"constants": {"ds_tau": {"value": 1.0}}}, "search.unknown-constant", "constants.ds_tau"),
        ({"constants": {"ds_tau_nu": {"value": -1.0}}}, "search.out-of-range",
         "constants.ds_tau_nu.value"),
        ({"training": {"folds": 1}}, "search.out-of-range", "training.folds"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_search_file_is_said_with_its_key(change, code, path, tmp_path):
    file = tmp_path / "search.json"
    file.write_text(json.dumps(minimal(**change)))
    with raises(code, path=path):
        load_config(file)


def test_a_step_of_another_name_is_an_error(tmp_path):
    (tmp_path / "search.json").write_text(json.dumps(minimal()))
    with raises("search.unknown-step", path="until"):
        search(tmp_path / "search.json", tmp_path / "out", until="trainig")
    assert not (tmp_path / "out").exists()


def test_datasets_that_the_file_lacks_are_named(tmp_path):
    (tmp_path / "data.json").write_text(json.dumps(
        {"Data": {"files": {"a.root": None}, "metadata": {"is_mc": False}}}))  # fmt: skip
    file = tmp_path / "search.json"
    file.write_text(json.dumps(minimal(control={"datasets": "data.json", "simulation": "Ds"})))
    with raises("search.no-dataset", path="Ds"):
        search(file, tmp_path / "out")


def test_the_decays_follow_from_the_constants():
    constants = {name: type("C", (), {"value": value, "relative_uncertainty": 0.1, "text": ""})
                 for name, value in (("ds_phi_mumu_pi", 1e-5), ("ds_tau_nu", 0.05), ("d_plus", 1.1),
                                     ("ds_from_b", 0.1), ("b_ds", 0.1), ("bplus_tau", 0.03),
                                     ("bzero_tau", 0.02), ("b_s", 1.2))}  # fmt: skip
    measured = Measured(1000, 50, 200, 10, 2000)
    assert measured.produced == 10_000
    assert decays(measured, constants, 1e-7) == pytest.approx(
        {"ds": 1e9 * 0.05 * 1.1 * 1e-7, "bplus": 1e9 * 0.5 * 0.03 * 1e-7,
         "bzero": 1e9 * 0.5 * 0.02 * 1.2 * 1e-7}
    )  # fmt: skip
    sources = {one.name: one for one in sources_of_uncertainty(measured, constants)}
    assert sources["ds_yield"].relative == 0.05
    assert sources["control_simulation"].relative == 0.05
    assert sources["bplus_tau"].origins == ("bplus",)


def test_a_peak_of_two_gaussians_is_found():
    rng = np.random.default_rng(2)
    narrow = rng.random(40_000) < 0.6
    mass = rng.normal(1.777, np.where(narrow, 0.010, 0.025))
    found = peak_of(mass, np.ones(len(mass)))
    assert found["mean"] == pytest.approx(1.777, abs=3e-4)
    assert found["sigma"] == pytest.approx(0.010, rel=0.05)
    assert found["gauss"] == pytest.approx(0.025, rel=0.05)
    assert found["fraction"] == pytest.approx(0.6, abs=0.05)


def test_the_shipped_constants_have_values_and_sources():
    content = json.loads((Path(__file__).parents[2] / "data" / "normalization.json").read_text())
    assert content["ds_phi_mumu_pi"]["value"] == 1.29e-5
    assert content["ds_tau_nu"]["relative_uncertainty"] == 0.03
    assert all(one["source"] and one["text"] for one in content.values())

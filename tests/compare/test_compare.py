"""Comparisons of results of the demo: what is the same, and where the first differences are."""

from __future__ import annotations

import json
import math
import shutil

import awkward as ak
import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.compare import compare
from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.outputs.candidates import write_candidates
from tau3mu.outputs.histograms import write_histograms
from tau3mu.train.__main__ import main


def keys(changes, *, results=True):
    return [change.key for change in changes if change.results is results]


def test_the_same_run_twice_is_the_same(base, tmp_path):
    tau3mu.run("demo", no_fit=True, output=tmp_path / "again")
    found = compare(base, tmp_path / "again", strict=True)
    assert found.same
    assert (found.configuration, found.code, found.datasets) == ([], [], [])
    assert [one.bins for one in found.histograms] == [256, 328, 248, 208, 208, 248]
    assert [one.common for one in found.candidates] == [1480]
    assert found.sections() == []


def test_how_a_run_was_done_is_told_apart(base, tmp_path):
    how = {"chunk_size": 2500, "candidates": "parquet", "retries": 5}
    tau3mu.run("demo", no_fit=True, **how, output=tmp_path / "other")
    found = compare(base, tmp_path / "other", strict=True)
    assert found.same
    assert keys(found.configuration) == []
    assert {change.key: (change.a, change.b) for change in found.configuration} == {
        "retries": (2, 5),
        "chunk_size": (150_000, 2500),
        "candidates": ("root", "parquet"),
    }


@pytest.mark.integration
def test_another_executor_is_the_same_physics(base, tmp_path):
    how = {"executor": "futures", "workers": 2, "chunk_size": 2500}
    tau3mu.run("demo", no_fit=True, **how, output=tmp_path / "futures")
    found = compare(base, tmp_path / "futures", strict=True)
    assert found.same
    assert keys(found.configuration) == []
    assert sorted(keys(found.configuration, results=False)) == sorted(how)


@pytest.mark.integration
def test_fits_of_two_runs_are_compared(tmp_path):
    """The same fit of the same data is the same; of other data, it is apart by its errors."""
    fits = {}
    for name, cut in (("base", 2.0), ("again", 2.0), ("tight", 3.0)):
        run = tau3mu.run(
            "demo", values=[f"dsphipi.flight_significance={cut}"], output=tmp_path / name
        )
        fits[name] = run.fits["dsphipi"].parameters
    assert compare(tmp_path / "base", tmp_path / "again", strict=True).same
    found = compare(tmp_path / "base", tmp_path / "tight")
    assert keys(found.configuration) == ["dsphipi.parameters.flight_significance"]
    (fit,) = found.fits
    expected = {}
    for name, one in fits["base"].items():
        other = fits["tight"][name]
        if one.error and other.error:
            expected[name] = abs(one.value - other.value) / math.hypot(one.error, other.error)
    assert {one.name: one.sigma for one in fit.parameters} == pytest.approx(expected)
    assert fit.sigma == max(one.sigma for one in fit.parameters) > 0.1


def test_another_cut_shows_in_every_part(base, tight):
    found = compare(base, tight)
    assert not found.same
    (change,) = found.configuration
    assert (change.key, change.a, change.b) == ("dsphipi.parameters.flight_significance", 2.0, 3.0)
    (first,) = found.cutflow
    assert (first.dataset, first.step, first.before) == (
        "demo",
        "vertex: flight",
        "vertex: n_tracks",
    )
    assert (first.a["events"], first.b["events"]) == (9204, 8624)
    counters = {one.name: (one.a, one.b) for one in found.counters}
    assert counters["track_unmatched"] == (145, 122)
    (rows,) = found.candidates
    assert (rows.rows, rows.alone, rows.events) == ((1480, 1379), (119, 18), (101, 0))
    assert rows.columns == ()
    flight = next(one for one in found.histograms if one.name == "flight_significance")
    assert flight.where == {
        "dataset": "demo", "variation": "nominal", "flight_significance": "2 to 3",
    }  # fmt: skip
    assert (flight.a.value, flight.b.value, flight.differing) == (119.0, 0.0, 9)
    assert flight.sigma == 119 / math.sqrt(119)


def test_differences_are_those_that_a_slow_comparison_finds(base, tight):
    found = compare(base, tight).candidates[0]
    names = ("run", "lumi", "event", "triplet")
    sides = [
        {tuple(row[name] for name in names) for row in load_candidates(folder / "dsphipi").tolist()}
        for folder in (base, tight)
    ]
    for alone, rows in ((found.only_a, sides[0] - sides[1]), (found.only_b, sides[1] - sides[0])):
        columns = [alone[name].tolist() for name in names]
        assert set(zip(*columns, strict=True)) == rows


def test_one_changed_bin_is_found_with_its_place(base, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(base, folder)
    histograms = load_histograms(folder / "dsphipi")
    place = {"dataset": "demo", "variation": "nominal", "mass": 50}
    before = histograms["mass"][place]
    histograms["mass"][place] = [before.value + 3, before.variance]
    write_histograms(folder / "dsphipi", histograms)
    found = compare(base, folder, strict=True)
    assert [one.name for one in found.histograms if not one.same] == ["mass"]
    mass = found.histograms[0]
    low, high = histograms["mass"].axes["mass"][50]
    assert mass.where["mass"] == f"{low:.6g} to {high:.6g}"
    assert (mass.differing, mass.a.value, mass.b.value) == (1, before.value, before.value + 3)
    assert (mass.shown_differing, mass.shown) == (1, 62)
    assert mass.sigma == 3 / math.sqrt(2 * before.variance)
    assert (found.cutflow, found.counters) == ([], [])
    assert all(one.same for one in found.candidates)


def test_bins_outside_and_variances_count(base, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(base, folder)
    histograms = load_histograms(folder / "dsphipi")
    view = histograms["pt"].view(flow=True)
    view["value"][0, 0, -1] += 1.0
    histograms["eta"].view(flow=True)["variance"][0, 0, 7] += 0.5
    write_histograms(folder / "dsphipi", histograms)
    found = {one.name: one for one in compare(base, folder).histograms if not one.same}
    assert list(found) == ["pt", "eta"]
    assert found["pt"].where["pt"] == "from 60"
    assert (found["pt"].differing, found["pt"].shown_differing, found["pt"].shown) == (1, 0, 60)
    eta = found["eta"]
    assert (eta.differing, eta.sigma, eta.b.variance - eta.a.variance) == (1, 0.0, 0.5)


def test_rounding_counts_only_when_strict(base, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(base, folder)
    histograms = load_histograms(folder / "dsphipi")
    view = histograms["mass"].view(flow=True)
    view["value"][0, 0, 50] = np.nextafter(view["value"][0, 0, 50], np.inf)
    write_histograms(folder / "dsphipi", histograms)
    assert compare(base, folder).same
    assert not compare(base, folder, strict=True).same


def test_rows_without_sections_are_found_by_run_and_event(base, tight, tmp_path):
    sides = []
    for side in (base, tight):
        folder = shutil.copytree(side, tmp_path / side.name)
        rows = load_candidates(folder / "dsphipi")
        rows = rows[[name for name in rows.fields if name != "lumi"]]
        (folder / "dsphipi" / "candidates.root").unlink(missing_ok=True)
        write_candidates(folder / "dsphipi", rows, fmt="parquet")
        sides.append(folder)
    (with_lumi,) = compare(base, tight).candidates
    (rows,) = compare(*sides).candidates
    assert rows.keys == tuple(name for name in with_lumi.keys if name != "lumi")
    assert {"run", "event"} <= set(rows.keys)
    assert (rows.rows, rows.common, rows.events) == (
        with_lumi.rows, with_lumi.common, with_lumi.events,
    )  # fmt: skip
    assert rows.columns == () == with_lumi.columns


def changed_candidates(base, folder, how):
    shutil.copytree(base, folder)
    rows = load_candidates(folder / "dsphipi")
    write_candidates(folder / "dsphipi", how(rows), fmt="parquet")
    (folder / "dsphipi" / "candidates.root").unlink(missing_ok=True)
    return compare(base, folder, strict=True)


def test_one_changed_candidate_is_found_with_both_values(base, tmp_path):
    def how(rows):
        mass = ak.to_numpy(rows["mass"]).copy()
        mass[700] += 0.25
        return ak.with_field(rows, mass, "mass")

    found = changed_candidates(base, tmp_path / "changed", how)
    assert not found.same
    assert all(one.same for one in found.histograms)
    (rows,) = found.candidates
    (column,) = rows.columns
    row = load_candidates(base / "dsphipi")[700]
    assert (column.name, column.rows) == ("mass", 1)
    assert column.largest == column.b - column.a
    assert (column.a, column.b) == (row["mass"], row["mass"] + 0.25)
    assert column.first["event"] == row["event"]


def test_rows_in_another_order_differ_only_when_strict(base, tmp_path):
    found = changed_candidates(base, tmp_path / "changed", lambda rows: rows[::-1])
    assert not found.same
    (rows,) = found.candidates
    assert (rows.common, rows.columns, rows.order) == (1480, (), False)
    assert compare(base, tmp_path / "changed").same


def test_missing_numbers_are_the_same_as_nan(base, tmp_path):
    """Parquet keeps a missing number, ROOT has NaN for it."""
    for name, value in (("one", np.nan), ("other", None)):
        shutil.copytree(base, tmp_path / name)
        rows = load_candidates(base / "dsphipi")
        masses = ak.Array([value, *ak.to_list(rows["mass"][1:])])
        file = tmp_path / name / "dsphipi" / "candidates"
        file.with_suffix(".root").unlink()
        ak.to_parquet(ak.with_field(rows, masses, "mass"), file.with_suffix(".parquet"))
    assert compare(tmp_path / "one", tmp_path / "other", strict=True).same
    (rows,) = compare(base, tmp_path / "other").candidates
    assert [(one.name, one.rows, one.b) for one in rows.columns] == [("mass", 1, None)]


def test_repeated_rows_are_counted_and_columns_of_one_side_named(base, tmp_path):
    def how(rows):
        twice = ak.concatenate([rows, rows[:2]])
        return twice[[name for name in rows.fields if name != "eta"]]

    (rows,) = changed_candidates(base, tmp_path / "changed", how).candidates
    assert (rows.common, rows.alone, rows.events) == (1480, (0, 2), (0, 0))
    assert [(one.name, one.kinds) for one in rows.columns] == [("eta", ("float64", ""))]


def test_another_set_of_files_is_named_by_uuid(base, demo, remade, tmp_path):
    moved = tmp_path / "moved.root"
    shutil.copy(demo[0], moved)
    other = remade(demo[1], tmp_path / "other.root")
    metadata = {"era": "demo", "is_mc": False}
    files = {str(file): "Tree3Mu/ntuple" for file in (moved, other)}
    dataset = {"demo": {"files": files, "metadata": metadata}}
    (tmp_path / "demo.json").write_text(json.dumps(dataset))
    tau3mu.run(str(tmp_path / "demo.json"), no_fit=True, output=tmp_path / "named")
    found = compare(base, tmp_path / "named", strict=True)
    assert not found.same
    (difference,) = found.datasets
    assert difference.events == (12000, 12000)
    assert [(file.a, file.b) for file in difference.files] == [(6000, None), (None, 6000)]
    assert [file.path for file in difference.files] == [str(demo[1]), str(other)]
    assert (found.cutflow, found.candidates[0].same) == ([], True)


def test_a_part_of_the_files_shows_the_events_that_are_gone(base, tmp_path):
    tau3mu.run("demo", max_files=1, no_fit=True, output=tmp_path / "half")
    found = compare(base, tmp_path / "half")
    (difference,) = found.datasets
    assert difference.events == (12000, 6000)
    assert [(file.a, file.b) for file in difference.files] == [(6000, None)]
    (first,) = found.cutflow
    assert (first.step, first.a["events"], first.b["events"]) == ("all", 12000, 6000)
    (rows,) = found.candidates
    assert (rows.common, rows.alone) == (rows.rows[1], (rows.rows[0] - rows.rows[1], 0))


def test_a_missing_histogram_and_other_axes_are_told(base, tmp_path):
    bins = {"mass_axis": {"bins": 31}}
    tau3mu.run("demo", tau3mu.DsPhiPi(**bins), no_fit=True, output=tmp_path / "coarse")
    histograms = load_histograms(tmp_path / "coarse" / "dsphipi")
    del histograms["eta"]
    write_histograms(tmp_path / "coarse" / "dsphipi", histograms)
    found = {one.name: one for one in compare(base, tmp_path / "coarse").histograms if not one.same}
    assert list(found) == ["mass", "eta"]
    assert found["eta"].only == "a"
    assert (found["mass"].bins, len(found["mass"].axes)) == (0, 1)


def test_datasets_and_variations_of_one_side_are_told_and_the_others_compared(base, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(base, folder)
    histograms = load_histograms(folder / "dsphipi")
    mass = histograms["mass"]
    more = {"dataset": "another", "variation": "nominal", "mass": [1.9], "weight": [1.0]}
    mass.fill(**more)
    write_histograms(folder / "dsphipi", histograms)
    (one,) = [one for one in compare(base, folder).histograms if not one.same]
    assert (one.differing, one.bins, len(one.axes)) == (0, 256, 1)
    assert "another" in one.axes[0]


def test_processors_of_one_side_are_listed_and_two_single_ones_compared(base, tmp_path):
    both = [tau3mu.DsPhiPi(), tau3mu.DsPhiPi(name="loose", flight_significance=1.5)]
    tau3mu.run("demo", both, no_fit=True, output=tmp_path / "two")
    found = compare(base, tmp_path / "two")
    assert (found.processors, found.same) == ({"loose": "b"}, False)
    assert all(one.same for one in found.histograms)
    pair = compare(tmp_path / "two" / "dsphipi", tmp_path / "two" / "loose")
    assert pair.candidates[0].processor == "dsphipi/loose"
    assert pair.candidates[0].rows == (1480, 1504)
    again = compare(tau3mu.open(tmp_path / "two")["dsphipi"], tau3mu.open(base)["dsphipi"])
    assert again.same


def test_the_folder_of_a_train_is_accepted(base, tmp_path):
    shutil.copytree(base, tmp_path / "train" / "results")
    assert compare(base, tmp_path / "train").same


def test_what_is_not_a_result_is_an_error(base, tmp_path):
    with raises("results.no-run", path=str(tmp_path)):
        compare(base, tmp_path)


def fit_of(mean, *, valid=True, error=0.5):
    parameter = {"value": mean, "error": error}
    return {"valid": valid, "nll": 158.5, "parameters": {"mean_Ds": parameter}, "derived": {}}


@pytest.fixture
def with_fits(base, tmp_path):
    """Copies the results twice, with fits."""

    def make(a, b):
        for name, fit in (("a", a), ("b", b)):
            shutil.copytree(base, tmp_path / name)
            if fit:
                (tmp_path / name / "dsphipi" / "fit.json").write_text(json.dumps(fit))
        return compare(tmp_path / "a", tmp_path / "b", strict=True)

    return make


def test_a_changed_fit_is_told_in_its_errors(with_fits):
    found = with_fits(fit_of(1.5), fit_of(2.5))
    (fit,) = found.fits
    (parameter,) = fit.parameters
    assert (found.same, fit.same, fit.only) == (False, False, "")
    assert (parameter.name, parameter.a, parameter.b) == ("mean_Ds", (1.5, 0.5), (2.5, 0.5))
    assert fit.sigma == 1 / math.sqrt(0.5)


def test_fits_within_the_precision_of_a_minimizer_are_the_same(with_fits):
    assert with_fits(fit_of(1.5), fit_of(1.5 + 0.9e-3 * math.sqrt(0.5))).same


def test_the_verdict_of_a_fit_and_its_error_count(with_fits):
    (fit,) = with_fits(fit_of(1.5), fit_of(1.5, valid=False, error=0.6)).fits
    assert (fit.valid, fit.sigma, len(fit.parameters)) == ((True, False), 0.0, 1)


def test_a_fit_of_one_side_is_told(with_fits):
    found = with_fits(None, fit_of(1.5))
    assert [(fit.only, fit.valid) for fit in found.fits] == [("b", (None, True))]


def test_the_command_prints_and_says_by_its_exit_code(base, tight, tmp_path, capsys):
    assert main(["compare", str(base), str(base)]) == 0
    assert len(capsys.readouterr().out.splitlines()) < 8
    arguments = ["compare", str(base), str(tight), "--json", "--output", str(tmp_path / "out")]
    assert main(arguments) == 1
    printed = json.loads(capsys.readouterr().out)
    (rows,) = printed["candidates"]
    assert (printed["same"], rows["alone"]) == (False, {"a": 119, "b": 18})
    assert len(rows["only_a"]["event"]) == 20
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert len(written["candidates"][0]["only_a"]["event"]) == 119
    table = (tmp_path / "out" / "dsphipi_only_in_b.csv").read_text().splitlines()
    assert (table[0], len(table)) == ("dataset,run,lumi,event,triplet", 19)
    assert main(arguments) == 1  # nothing is replaced
    assert capsys.readouterr().out == ""


def test_names_are_escaped_in_html(base, tmp_path):
    folder = tmp_path / "<b>&"
    tau3mu.run("demo", tau3mu.DsPhiPi(track_pt=2.0), no_fit=True, output=folder)
    html = compare(base, folder)._repr_html_()
    assert "&lt;b&gt;&amp;" in html
    assert "<b>&" not in html
    assert "track_pt" in html


def test_an_edited_file_of_a_user_shows_in_the_code(tmp_path, processor_file):
    file = processor_file("    pass\n")
    tau3mu.run("demo", f"{file}:Mine", no_fit=True, output=tmp_path / "a")
    file.write_text(file.read_text() + "\n# edited\n")
    tau3mu.run("demo", f"{file}:Mine", no_fit=True, output=tmp_path / "b")
    found = compare(tmp_path / "a", tmp_path / "b", strict=True)
    assert (found.same, found.configuration) == (True, [])
    assert [change.key for change in found.code] == ["code.files.0/mine.py"]


@pytest.mark.integration
def test_many_processors_stay_readable(base, tmp_path, capsys):
    names = [f"v{number}" for number in range(25)]
    for side in ("a", "b"):
        folder = tmp_path / side
        shutil.copytree(base, folder)
        manifest = json.loads((folder / "run.json").read_text())
        one = manifest["configuration"]["processors"].pop("dsphipi")
        manifest["configuration"]["processors"] = dict.fromkeys(names, one)
        (folder / "run.json").write_text(json.dumps(manifest))
        (folder / "full_config.json").unlink()
        rows = load_candidates(base / "dsphipi")
        for name in names:
            shutil.copytree(base / "dsphipi", folder / name)
            if side == "b":
                write_candidates(folder / name, rows[3:], fmt="root")
    arguments = ["compare", str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(arguments) == 1
    assert len(capsys.readouterr().out.splitlines()) < 70
    assert main([*arguments, "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["candidates"]) == 25


def test_trains_of_a_store_are_compared_by_number(base, tight, tmp_path, capsys):
    for number, source in (("0001", base), ("0002", tight)):
        shutil.copytree(source, tmp_path / "store" / "trains" / number / "results")
    store = ["--store", str(tmp_path / "store")]
    assert main(["compare", "1", "1", *store]) == 0
    assert main(["compare", "1", "2", *store]) == 1
    capsys.readouterr()
    assert main(["compare", "1", "3", *store]) == 1
    assert capsys.readouterr().out == ""


def test_no_candidates_at_all_are_the_same(tmp_path):
    for name in ("a", "b"):
        none = tau3mu.DsPhiPi(flight_significance=1e9)
        tau3mu.run("demo", none, no_fit=True, output=tmp_path / name)
    found = compare(tmp_path / "a", tmp_path / "b", strict=True, sync=True)
    assert found.same
    assert (found.candidates[0].common, found.sync[0].first) == (0, None)

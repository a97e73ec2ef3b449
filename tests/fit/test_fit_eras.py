"""Inputs that name an era of a run, and the shipped fit of several eras."""

from __future__ import annotations

import json

import awkward as ak
import hist
import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.fit.data.prepare import sources
from tau3mu.fit.language import load_model
from tau3mu.results import Manifest, ResultsFolder, write_manifest
from tau3mu.results.manifest import DatasetFacts

FACTS = {
    "one": DatasetFacts(era="2017B", lumi=1.0), "two": DatasetFacts(era="2017B", lumi=2.0),
    "2017C": DatasetFacts(lumi=4.0), "mc": DatasetFacts(era="2017B", is_mc=True),
    "mc18": DatasetFacts(era="2018", is_mc=True),
}  # fmt: skip
ENTRIES = {"one": 3, "two": 5, "2017C": 7, "mc": 11, "mc18": 13}
EXPECTED = {"2017B": (8, ("one", "two"), 3.0), "2017C": (7, ("2017C",), 4.0)}


def model_of(era, **given):
    return load_model({
        "schema_version": 2, "name": "peak", "title": "A peak",
        "input": {**(given or {"histogram": "mass"}), "era": era},
        "observable": {"name": "mass", "label": "m", "range": [0, 1], "bins": 4},
        "parameters": {"slope": {"value": -1, "limits": [-9, 9]}},
        "components": {"all": {"label": "all", "pdf": "Exponential",
                               "parameters": {"slope": "slope"}, "yield": "n"}},
    })  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = ResultsFolder.create(tmp_path_factory.mktemp("eras") / "run")
    axes = (
        hist.axis.StrCategory([], growth=True, name="dataset"),
        hist.axis.Regular(4, 0, 1, name="mass"),
    )
    mass = hist.Hist(*axes, storage="weight")
    for name, number in ENTRIES.items():
        mass.fill([name] * number, np.full(number, 0.5))
    rows = [(name, 0.5) for name, number in ENTRIES.items() for _ in range(number)]
    names, values = zip(*rows, strict=True)
    made.write_processor(
        "peak",
        candidates=ak.Array({"dataset": list(names), "mass": np.array(values)}),
        histograms={"mass": mass}, cutflow={}, counters={},
    )  # fmt: skip
    configuration = {"processors": {"peak": {}}}
    write_manifest(made.path, Manifest(complete=True, exit_code=0, datasets=FACTS,
                                       configuration=configuration))  # fmt: skip
    return made.path


def number_of(data):
    return data.sum().value if hasattr(data, "axes") else len(data[0])


@pytest.mark.parametrize("era", EXPECTED)
@pytest.mark.parametrize("given", [{}, {"column": "mass"}])
@pytest.mark.parametrize("kind", ["folder", "json", "run"])
def test_the_datasets_of_an_era_are_read(folder, era, given, kind):
    if kind == "json" and given:
        return
    data = {"folder": folder, "json": folder / "peak" / "histograms.json",
            "run": tau3mu.open(folder)["peak"]}[kind]  # fmt: skip
    (source,) = sources(model_of(era, **given), data).values()
    assert (number_of(source.data), source.datasets, source.lumi) == EXPECTED[era]
    assert not source.simulation


def test_simulation_is_read_where_an_era_has_no_data(folder):
    (source,) = sources(model_of("2018"), folder).values()
    assert (number_of(source.data), source.datasets, source.simulation) == (13, ("mc18",), True)


def test_an_era_that_is_not_there_is_refused(folder, tmp_path):
    for data in (folder, tau3mu.open(folder)["peak"], folder / "peak" / "histograms.json"):
        with raises("fit.unknown-era", path="2017D", mentions=("2017B", "2017C", "2018")):
            sources(model_of("2017D"), data)
    plain = tmp_path / "one.json"
    content = json.loads((folder / "peak" / "histograms.json").read_text())
    plain.write_text(json.dumps({"mass": content["mass"]}))
    with raises("fit.unknown-era", path="2017B"):
        sources(model_of("2017B"), plain)


def test_a_file_that_knows_no_eras_is_refused(folder):
    file = folder / "peak" / "candidates.root"
    model = model_of("2017B", column="mass", tree="candidates")
    with raises("fit.era-without-run", path="candidates.root"):
        sources(model, file)


def test_the_fit_of_a_run_needs_its_eras_before_the_work(tmp_path):
    with raises("run.fit-of-unknown-era", path="2017B", mentions="demo"):
        tau3mu.run("demo", fit="dsphipi_2017", output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.integration
def test_eras_are_fitted_at_once_and_their_yields_compared(tmp_path, monkeypatch):
    """The shipped fit on generated eras, of which one has twice the events for its luminosity."""
    from tau3mu.generate.files import plan_files, write_files

    monkeypatch.delenv("TAU3MU_NO_PLOTS")
    content = {}
    for seed, (era, events) in enumerate(dict.fromkeys("BCDEF", 6000).items()):
        folder = tmp_path / era
        plans = plan_files(directory=folder, events=events, files=1, layout="t3m", seed=20 + seed,
                           simulation=False, compression="zstd")  # fmt: skip
        for _ in write_files(plans, workers=1):
            pass
        lumi = 1.0 if era == "D" else 4.0
        content[f"Run{era}"] = {
            "files": {str(plan.path): "Tree3Mu/ntuple" for plan in plans},
            "metadata": {"era": f"2017{era}", "is_mc": False, "lumi": lumi},
        }
    (tmp_path / "eras.json").write_text(json.dumps(content))
    run = tau3mu.run(str(tmp_path / "eras.json"), fit="dsphipi_2017", output=tmp_path / "run")
    results = run["dsphipi"]
    yields = results.yields.fitted
    assert list(yields) == ["Ds", "Dplus", "background"]
    for name, spectrum in results.fit.spectra.items():
        era = name.removeprefix("Run")
        total = sum(one.eras[era].amount.value for one in yields.values())
        assert total == pytest.approx(spectrum.entries, rel=2e-3)
        mass = results.histogram("mass", f"Run{era[-1]}")
        assert spectrum.entries == mass.sum().value
    assert results.yields.selected.off == ["2017D"]
    assert yields["Ds"].eras["2017D"].compared.deviation > 3
    assert yields["Ds"].off == ["2017D"]
    again = tau3mu.open(run.folder)["dsphipi"]
    assert again.yields.to_dict() == results.yields.to_dict()
    assert (results.folder / "plots" / "stability.png").stat().st_size > 10_000

"""How fast fits are, how right, and how much memory they take."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import hist
import numpy as np
import pytest

from tau3mu.fit import fit, load_model, sources
from tau3mu.fit.data.prepare import prepare
from tau3mu.fit.fitting import fit_prepared
from tau3mu.fit.language import model_of
from tau3mu.fit.likelihood.sampling import Toys
from tau3mu.fit.studies import run_toys

ROOT = Path(__file__).parents[1]
ORACLE = ROOT / "tests" / "data" / "oracle"
MILLION = ORACLE / "dsphipi_1M_intended.json"
OTHERS = Path(os.environ.get("TAU3MU_OTHERS", "others")) / "dq_tutorial.root"
ENGINES = ("zfit", "numpy")

FIRST_FIT = """
import json, time
begin = time.perf_counter()
import tau3mu.fit.backend
imported = time.perf_counter()
import hist
from tau3mu.fit import fit, load_model
histogram = hist.Hist(hist.axis.Regular(62, 1.65, 2.01, name="mass"))
with open("tests/data/oracle/dsphipi_1M_intended.json") as file:
    histogram.view()[:] = json.load(file)["hist"]
result = fit(load_model("dsphipi"), histogram)
print(json.dumps({"import": imported - begin, "fit": time.perf_counter() - imported,
                  "valid": result.valid, "nDs": result.parameters["nDs"].value}))
"""

MANY_FITS = """
import json, sys
from pathlib import Path
import hist, numpy as np
from tau3mu.fit import fit, load_model
from tau3mu.fit.language import model_of

def resident():
    with open("/proc/self/status") as file:
        return next(int(l.split()[1]) for l in file if l.startswith("VmRSS")) / 1024

engine, last = sys.argv[1], int(sys.argv[2])
document = load_model("dsphipi").to_dict()
document["method"] = {"engine": engine}
model = model_of(document, "dsphipi", Path())
with open("tests/data/oracle/dsphipi_1M_intended.json") as file:
    contents = np.array(json.load(file)["hist"])
histogram = hist.Hist(hist.axis.Regular(62, 1.65, 2.01, name="mass"))
generator = np.random.default_rng(1)
start, after = None, {}
for number in range(1, last + 1):
    histogram.view()[:] = generator.poisson(contents) if start else contents
    result = fit(model, histogram, start=start)
    start = start or result.values
    if number in (last // 10, last):
        after[number] = resident()
print(json.dumps({"early": after[last // 10], "late": after[last]}))
"""


@pytest.fixture(scope="module")
def million():
    histogram = hist.Hist(hist.axis.Regular(62, 1.65, 2.01, name="mass"))
    histogram.view()[:] = json.loads(MILLION.read_text())["hist"]
    return histogram


def with_engine(name, engine, **changes):
    document = load_model(name).to_dict()
    document["method"] = document.get("method", {}) | {"engine": engine} | changes.pop("method", {})
    return model_of(document | changes, name, Path())


def distances(result, expected):
    """The largest difference of values in sigmas, and of errors in percent."""
    values, errors = [], []
    for name, (value, error) in expected.items():
        found = result.parameters[name]
        values.append(abs(found.value - value) / error)
        errors.append(100 * abs(found.error / error - 1))
    return max(values), max(errors)


ROOFIT_BINNED = {  # integrals over 52 bins
    "sig_Jpsi": (3090.71, 94.34), "sig_Psi2s": (279.48, 55.61), "bkg": (25237.6, 187.9),
    "mean_Jpsi": (3.09513, 0.00246), "width_Jpsi": (0.07394, 0.00246), "slope": (-0.48504, 0.00894),
}  # fmt: skip
ROOFIT_UNBINNED = {
    "sig_Jpsi": (2616.50, 90.81), "sig_Psi2s": (285.77, 55.61), "bkg": (25633.9, 189.1),
    "mean_Jpsi": (3.09938, 0.00265), "width_Jpsi": (0.07168, 0.00266), "slope": (-0.51671, 0.00892),
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("data", "expected"),
    [({"histogram": "histMass"}, ROOFIT_BINNED), ({"column": "fMass"}, ROOFIT_UNBINNED)],
    ids=["binned", "unbinned"],
)
def test_the_dq_tutorial(report, engine, data, expected):
    if not OTHERS.exists():
        pytest.skip("TAU3MU_OTHERS names no folder with the tutorial of dq_fitter")
    model = with_engine("jpsi_psi2s", engine, input={"file": str(OTHERS), **data})
    read = {name: source.data for name, source in sources(model).items()}
    result = fit(model, read)
    value, error = distances(result, expected)
    report.add(
        f"dq tutorial, {next(iter(data))}, {engine}: largest distance to RooFit",
        f"{value:.3f} sigma, errors {error:.2f} %, {result.fit_seconds:.2f} s",
        "0.05 sigma, 1 %",
        met=value <= 0.05 and error <= 1,
    )
    assert result.valid
    assert value <= 0.05
    assert error <= 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_million_events(report, million, engine):
    names = {
        "mean": "mean_Ds", "mean2": "mean_Dplus", "sigma1": "sigma_Ds", "sigma2": "sigma_Dplus",
        "alpha1": "alpha_Ds", "alpha2": "alpha_Dplus", "gamma": "slope",
    }  # fmt: skip
    roofit = json.loads((ORACLE / "roofit_dsphipi_1M_wellposed.json").read_text())["params"]
    expected = {names.get(name, name): pair for name, pair in roofit.items()}
    result = fit(with_engine("dsphipi", engine), million)
    value, error = distances(result, expected)
    report.add(
        f"D_s of 1,000,000 events, {engine}: largest distance to RooFit",
        f"{value:.3f} sigma, errors {error:.2f} %",
        "0.05 sigma, 3 %",
        met=value <= 0.05 and error <= 3,
    )
    assert result.valid
    assert value <= 0.05
    assert error <= 3


def test_the_first_fit_of_a_model(report, fresh):
    runs = [fresh(FIRST_FIT) for _ in range(3)]
    assert all(run["valid"] for run in runs)
    seconds = sorted(run["fit"] for run in runs)[1]
    report.add(
        "first binned fit of a model, beyond import zfit (10 starts)",
        f"{seconds:.2f} s (import {sorted(run['import'] for run in runs)[1]:.1f} s)",
        "2 s",
        met=seconds <= 2,
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_refit_on_new_data(benchmark, report, million, engine):
    model = with_engine("dsphipi", engine, method={"starts": {"number": 1}, "stages": []})
    data = prepare(model, million)
    first = fit_prepared(model, data)
    toys = Toys(model, first.values, data)
    generator = np.random.default_rng(1)
    samples = iter([toys.draw(generator) for _ in range(25)])
    results = []

    def refit():
        results.append(fit_prepared(model, next(samples), start=first.values))

    benchmark.pedantic(refit, rounds=20, warmup_rounds=2)
    assert sum(result.valid for result in results) >= 18
    milliseconds = 1000 * benchmark.stats.stats.median
    target = ("50 ms", milliseconds <= 50) if engine == "numpy" else ("", None)
    report.add(f"refit on new data, {engine}", f"{milliseconds:.0f} ms", *target)


def test_a_thousand_toys(report, million):
    model = with_engine("dsphipi", "numpy")
    found = fit(model, million)
    begin = time.perf_counter()
    study = run_toys(model, 1000, values=found.values, like=found.data, seed=1, workers=2)
    seconds = time.perf_counter() - begin
    assert study.failed <= 10
    assert abs(study.summary["nDs"].pull_width - 1) <= 0.05
    report.add("1,000 toys fitted on 2 cores", f"{seconds:.0f} s", "60 s", met=seconds <= 60)
    for name, summary in study.summary.items():
        report.add(
            f"  pull of {name}",
            f"mean {summary.pull_mean:+.3f} +- {summary.pull_mean_error:.3f}, "
            f"width {summary.pull_width:.3f} +- {summary.pull_width_error:.3f}",
            "width 1.00 +- 0.05" if name.startswith("n") else "",
            met=abs(summary.pull_width - 1) <= 0.05 if name.startswith("n") else None,
        )


@pytest.mark.parametrize(("engine", "number"), [("zfit", 30), ("numpy", 300)])
def test_memory_over_many_fits(report, fresh, engine, number):
    numbers = fresh(MANY_FITS, arguments=(engine, str(number)))
    growth = numbers["late"] - numbers["early"]
    report.add(
        f"memory after {number} fits, {engine}",
        f"{numbers['late']:.0f} MB, {growth:+.1f} MB since the {number // 10}th",
        "flat",
        met=growth < 10,
    )
    assert growth < 10


def test_roofit_on_the_same_histogram(report, fresh, root_python, million):
    program = f"import sys, runpy; sys.argv = ['peer', {str(MILLION)!r}]; "
    program += f"runpy.run_path({str(ROOT / 'benchmarks' / 'roofit_peer.py')!r}, None, '__main__')"
    roofit = fresh(program, python=root_python)
    model = with_engine("dsphipi", "numpy", method={"starts": {"number": 1}})
    first = fit(model, million)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        result = fit(model, million, start=first.values)
        seconds.append(time.perf_counter() - begin)
    report.add(
        "fit of the D_s histogram, numpy engine against RooFit with bin integrals",
        f"{1000 * min(seconds):.0f} ms against {1000 * roofit['again']:.0f} ms "
        f"({min(seconds) / roofit['again']:.2f} x)",
    )
    value, error = distances(result, roofit["values"])
    assert value <= 0.05
    assert error <= 3

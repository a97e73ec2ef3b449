"""The search for τ→3μ on a tenth of a year: how long it takes, and whether its limits are right."""

from __future__ import annotations

import json
import shutil
import sys
from statistics import NormalDist

import awkward as ak
import numpy as np
import pytest

import tau3mu
from measuring.measurement import measure
from tau3mu.datasets import Dataset
from tau3mu.generate import generate
from tau3mu.learning import mass_dependence
from tau3mu.limits import impacts, limit, significance
from tau3mu.processors import TauTo3Mu
from tau3mu.search import search

ORIGINS = ("ds", "bplus", "bzero")
LUMI = 3.8
CONTROL, TAU = (8, 90_250), (4, 47_500)  # files, events in each
SIMULATED = 40_000
MIXTURE = {"ds": 100_000, "bplus": 27_000, "bzero": 27_000}  # events of each origin in a block


@pytest.fixture(scope="module")
def done(tmp_path_factory, options):
    """The search, what it took, and the workers of all runs."""
    folder, workers = tmp_path_factory.mktemp("search"), options.max_workers
    files, events = CONTROL
    generate(folder / "control", events=events, files=files, workers=workers)
    generate(folder / "control", events=SIMULATED, simulation=True)
    generate_tau(folder / "tau", workers)
    for origin in ORIGINS:
        generate(folder / "tau", events=SIMULATED, layout="t3m_tau", simulation=True,
                 origin=origin)  # fmt: skip
    control = {"Data": dataset("control/Tree_PhiPi", files),
               "Ds": dataset("control/Tree_PhiPi_MC", 1, is_mc=True)}  # fmt: skip
    tau = {"Data": dataset("tau/TreeData", TAU[0])}
    tau |= {origin: dataset(f"tau/TreeMC_{origin}", 1, is_mc=True) for origin in ORIGINS}
    (folder / "control.json").write_text(json.dumps(control))
    (folder / "tau.json").write_text(json.dumps(tau))
    content = {
        "schema_version": 1,
        "control": {"datasets": "control.json", "simulation": "Ds"},
        "search": {"datasets": "tau.json", "simulation": {name: name for name in ORIGINS}},
        "constants": {"d_plus": {"value": 1.0}, "b_s": {"value": 1.0}},  # as in toys
    }
    (folder / "search.json").write_text(json.dumps(content))
    arguments = [str(folder / "search.json"), "--output", str(folder / "out"),
                 "--executor", "futures", "--workers", str(workers)]  # fmt: skip
    usage, _ = measure([sys.executable, "-m", "tau3mu.search", *arguments])
    return search(folder / "search.json", folder / "out", resume=True), usage, workers


def test_the_efficiency_does_not_depend_on_the_mass(study, done, options, tmp_path):
    """Signal of other seeds, as much as it takes to see two percent."""
    found, _, workers = done
    processor = TauTo3Mu(
        name="tau3mu", discriminant_file=str(found.at("training/discriminant.json"))
    )
    parts = []
    for seed in range(options.signal_blocks):
        folder = tmp_path / str(seed)
        files = {
            origin: generate(folder, events=events // 2, files=2, layout="t3m_tau", origin=origin,
                             simulation=True, seed=1000 + seed, workers=workers)
            for origin, events in MIXTURE.items()
        }  # fmt: skip
        datasets = [Dataset(origin, dict.fromkeys(map(str, paths)), era="2017B", is_mc=True)
                    for origin, paths in files.items()]  # fmt: skip
        run = tau3mu.run(datasets, processor, output=folder / "results", no_fit=True,
                         no_plots=True, executor="futures", workers=workers)  # fmt: skip
        assert run.exit_code == 0
        rows = run["tau3mu"].candidates
        parts.append(np.array([ak.to_numpy(rows[n]) for n in ("mass", "category", "score")]))
        shutil.rmtree(folder)
    mass, category, score = np.concatenate(parts, axis=1)
    windows = np.array([getattr(processor, f"blind_{name}") for name in "abc"])
    for name, chosen in {"all": (0, 1, 2), "A": (0,), "B": (1,), "C": (2,)}.items():
        here = np.isin(category, chosen)
        checks = mass_dependence(mass[here], score[here], category[here].astype(int), windows)
        for wanted, one in checks.items():
            where = f"search, {name}, {100 * float(wanted):.0f} % kept"
            for what, value, error in (
                ("trend over the window", abs(one["trend_across_window"]), one["trend_error"]),
                ("interval that is farthest off", one["largest_deviation"], one["deviation_error"]),
            ):
                study.add(f"{where}: {what}", f"{100 * value:.1f} ± {100 * error:.1f} %",
                          "<= 2 %, known to 1 %",
                          met=value - 2 * error <= 0.02 and error <= 0.01)  # fmt: skip


def generate_tau(folder, workers, **more):
    files, events = TAU
    generate(folder, events=events, files=files, layout="t3m_tau", workers=workers, **more)


def dataset(name, files, *, is_mc=False):
    facts = {"is_mc": is_mc, "era": "2017B"} | ({} if is_mc else {"lumi": LUMI})
    paths = [f"{name}_{number + 1}.root" for number in range(files)]
    return {"files": dict.fromkeys(paths), "metadata": facts}


def test_the_whole_search(study, done):
    found, usage, workers = done
    peak = usage.peak_tree / 1e9
    of = found.facts["limit"]
    ratio = of["expected"]["0"] / of["counting"]
    study.add(f"search, {LUMI} fb⁻¹, {workers} workers", f"{usage.wall / 60:.1f} min", "<= 15 min",
              met=usage.wall <= 900)  # fmt: skip
    study.add("search, memory of all processes", f"{peak:.2f} GB", "<= 3 GB", met=peak <= 3)
    text = f"{ratio:.3f} (B < {1e-7 * of['expected']['0']:.3g})"
    study.add("search, expected limit / counting", text, "0.85 to 1.15", met=abs(ratio - 1) <= 0.15)


def model_of_data(found, folder, workers, **more):
    """Returns the model of a search with other data in the place of its own, the windows open."""
    generate_tau(folder / "tau", workers, **more)
    paths = sorted((folder / "tau").glob("TreeData_*.root"))
    data = Dataset("Data", {str(path): None for path in paths}, era="2017B", lumi=LUMI)
    processor = TauTo3Mu(
        name="tau3mu", blind=False, discriminant_file=str(found.at("training/discriminant.json"))
    )
    run = tau3mu.run([data], processor, output=folder / "results", no_fit=True, no_plots=True,
                     executor="futures", workers=workers)  # fmt: skip
    assert run.exit_code == 0
    content = json.loads(found.at("model/model.json").read_text())
    for channel in content["channels"].values():
        channel["data"]["results"] = "results"
    (folder / "model.json").write_text(json.dumps(content))
    for path in paths:
        path.unlink()
    return folder / "model.json"


def test_experiments_without_signal(study, done, options, tmp_path):
    """Limits of many experiments lie where one of them says that they do."""
    found, _, workers = done
    inside = {1: 0, 2: 0}
    for seed in range(options.experiments):
        model = model_of_data(found, tmp_path / str(seed), workers, seed=100 + seed)
        result = limit(model, cl=found.config.cl, observed=True)
        for n in inside:
            inside[n] += result.expected[-n] <= result.observed <= result.expected[n]
    for n, number in inside.items():
        p = NormalDist().cdf(n) - NormalDist().cdf(-n)
        error = (options.experiments * p * (1 - p)) ** 0.5
        text = f"{number} of {options.experiments}"
        target = f"{options.experiments * p:.1f} ± {error:.1f}, within 2"
        near = abs(number - options.experiments * p) <= 2 * error + 0.5
        study.add(f"search, observed limits within ±{n}σ", text, target, met=near)


def test_a_signal_of_ten_times_the_limit(study, done, tmp_path):
    found, _, workers = done
    r = 10 * found.facts["limit"]["expected"]["0"]
    scale = found.config.branching_fraction
    model = model_of_data(found, tmp_path, workers, seed=7, branching_fraction=r * scale)
    fitted, excess = impacts(model, observed=True), significance(model, observed=True)
    pull = (fitted.best - r) / fitted.error
    study.add("search, 10 × the limit injected: pull of r", f"{pull:+.2f}", "within ±2",
              met=abs(pull) <= 2)  # fmt: skip
    study.add("search, 10 × the limit injected: √q0", f"{excess.z:.1f} σ", "> 5 σ",
              met=excess.z > 5)  # fmt: skip

"""Results: of a real run, and of folders and objects with all that there can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import hist
import numpy as np
import pytest
from hist import Hist
from hostile_names import HOSTILE, LONG, RIGHT_TO_LEFT

import tau3mu
from tau3mu.results import Manifest, ResultsFolder, write_manifest
from tau3mu.results.manifest import (
    DatasetFacts,
    DerivedVerdict,
    FailedProcessor,
    FitVerdict,
    InputFile,
    MissingFile,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA, SIMULATION = "2017B.v1-rereco", "ds_phipi_mc"


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the demo, without fit."""
    folder = tmp_path_factory.mktemp("report") / "demo"
    tau3mu.run("demo", no_fit=True, output=folder)
    return folder


@pytest.fixture(scope="session")
def many_histograms() -> dict[str, Hist[Any]]:
    """Histograms of 0 to 3 variables, two datasets, variations, and contents outside the axes."""
    random = np.random.default_rng(3)
    names = [HOSTILE, "mc"]

    def dataset() -> Any:
        return hist.axis.StrCategory(names, name="dataset", label="dataset")

    def variation() -> Any:
        return hist.axis.StrCategory(["nominal", "up", "empty"], name="variation")

    def axis(name: str) -> Any:
        return hist.axis.Regular(7, -1, 1, name=name, label=f"{name} {HOSTILE}")

    storages: dict[str, Any] = {"w": hist.storage.Weight(), "n": hist.storage.Int64()}
    made: dict[str, Hist[Any]] = {
        "none": Hist(dataset(), storage=storages["n"]),
        LONG[:100]: Hist(dataset(), variation(), axis("x"), storage=storages["w"], label=HOSTILE),
        "plane": Hist(axis("x"), dataset(), axis("y"), storage=storages["n"]),
        "bounded": Hist(dataset(), hist.axis.Integer(0, 3, flow=False, name="i"),
                        storage=storages["n"]),
        "space": Hist(dataset(), axis("x"), variation(), axis("y"), axis("z"),
                      storage=hist.storage.Double()),
    }  # fmt: skip
    for one in made.values():
        for name in names:
            values = {
                a.name: random.normal(size=500).astype(int if a.name == "i" else float)
                for a in one.axes
                if a.name not in {"dataset", "variation"}
            }
            varied = [{"variation": v} for v in ("nominal", "up")
                      if "variation" in one.axes.name] or [{}]  # fmt: skip
            for choice in varied:
                counted = one.storage_type is hist.storage.Int64
                weight = {} if counted else {"weight": random.exponential(size=500)}
                if values:
                    one.fill(dataset=name, **choice, **values, **weight)
                else:
                    one.fill(dataset=[name] * 5)
    return made


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes a results folder of processors, as a run does."""

    def write(
        processors: dict[str, dict[str, Hist[Any]]],
        cutflow: dict[str, list[dict[str, Any]]],
        **facts: Any,
    ) -> Path:
        folder = ResultsFolder.create(tmp_path / "results")
        for name, histograms in processors.items():
            folder.write_processor(
                name,
                candidates=ak.Array([{"run": 1, "event": 2}]),
                histograms=histograms,
                cutflow=cutflow,
                counters={dataset: {HOSTILE: 3} for dataset in cutflow},
            )
        apart = facts.get("set_apart", {})
        configured = {name: {"class": HOSTILE, "hash": "0"} for name in [*processors, *apart]}
        values = {
            "complete": False, "exit_code": 2, "configuration": {"processors": configured},
            "datasets": {dataset: DatasetFacts() for dataset in cutflow}, **facts,
        }  # fmt: skip
        write_manifest(folder.path, Manifest(**values))
        return folder.path

    return write


@pytest.fixture
def hostile(written: Callable[..., Path], many_histograms: dict[str, Hist[Any]]) -> Path:
    """The results of a run in which everything has a name that is meant to do harm."""
    steps = [
        {"name": HOSTILE, "events": 1234567, "candidates": 7654321, "sumw": 1234567.0},
        {
            "name": RIGHT_TO_LEFT, "events": 0, "candidates": 0, "sumw": 0.0,
            "cuts": [{"name": LONG, "events": 5, "candidates": 6, "sumw": 5.0}],
        },
    ]  # fmt: skip
    file = {"tree": "t", "layout": "t3m", "uuid": "u"}
    failed = FailedProcessor(
        kind=HOSTILE, place=HOSTILE, message=HOSTILE, count=2, example=RIGHT_TO_LEFT
    )
    return written(
        {"first": many_histograms, "second": {}},
        {HOSTILE: steps, "mc": [], RIGHT_TO_LEFT: steps[:1]},
        inputs=[
            InputFile(dataset=HOSTILE, path=HOSTILE, entries=100, read=100, **file),
            InputFile(dataset="mc", path=LONG, entries=50, read=0, **file),
        ],
        missing=[
            MissingFile(dataset="mc", path=LONG, events=50, reasons=[HOSTILE, "torn"]),
            MissingFile(dataset="mc", path=RIGHT_TO_LEFT, events=7, reasons=[HOSTILE]),
        ],
        warnings=[HOSTILE, LONG],
        fits={"first": FitVerdict(valid=False, messages=[HOSTILE])},
        derived={"skim": DerivedVerdict(kind="slim", problem=HOSTILE)},
        set_apart={"third": [failed]},
        command=["python", "-m", HOSTILE],
        host={"name": HOSTILE},
        started="2026-11-28T18:00:00+00:00",
        finished="2026-11-28T18:02:05+00:00",
        versions={HOSTILE: HOSTILE},
        git={"commit": HOSTILE, "dirty": True},
    )


def make_candidates(n: int) -> ak.Array:
    """`n` candidates with the columns and types of a run."""
    random = np.random.default_rng(7)
    data = np.arange(n) < n // 2
    columns = {
        "dataset": ak.Array(np.where(data, DATA, SIMULATION)),
        "file": ak.Array([f"root://host//store/Tree_PhiPi_{i}.root" for i in range(n)]),
        "run": np.arange(297_046, 297_046 + n, dtype=np.uint32),
        "lumi": np.uint32(2**32 - 1) - np.arange(n, dtype=np.uint32),
        "event": np.arange(n, dtype=np.uint64) + np.uint64(2**63),
        "triplet": np.arange(n, dtype=np.int32) - np.int32(1),
        "mass": random.uniform(1.65, 2.02, n),
        "vertex_chi2": random.exponential(3, n),
        "pt": random.exponential(10, n),
        "eta": random.normal(0, 1, n),
        "phi": random.uniform(-3.2, 3.2, n),
        "dimuon_mass": random.normal(1.02, 0.01, n),
        "flight_significance": random.exponential(5, n),
        "weight": np.where(data, 1.0, random.normal(1, 0.1, n)),
        "weight_muon_sf_up": np.where(data, 1.0, random.normal(1.1, 0.1, n)),
        "weight_muon_sf_down": np.where(data, 1.0, random.normal(0.9, 0.1, n)),
    }
    if not n:
        columns["dataset"] = columns["file"] = ak.Array(["x"])[:0]
    return ak.zip(columns, depth_limit=1)


def make_histogram(candidates: ak.Array, axis: Any) -> Hist[Any]:
    """The histogram of a column, named like its axis, with the variations of simulation."""
    histogram = hist.Hist(
        hist.axis.StrCategory([DATA, SIMULATION], name="dataset", growth=True),
        hist.axis.StrCategory([], name="variation", growth=True),
        axis,
        storage=hist.storage.Weight(),
        label="Candidates",
    )
    columns = {"nominal": "weight", "muon_sf_up": "weight_muon_sf_up"}
    columns["muon_sf_down"] = "weight_muon_sf_down"
    for dataset in (DATA, SIMULATION):
        rows = candidates[candidates.dataset == dataset]
        for variation, weight in columns.items():
            if variation == "nominal" or dataset == SIMULATION:
                values = {axis.name: rows[axis.name]}
                histogram.fill(dataset=dataset, variation=variation, weight=rows[weight], **values)
    return histogram


@pytest.fixture
def candidates():
    return make_candidates(500)


@pytest.fixture
def no_candidates():
    return make_candidates(0)


@pytest.fixture
def histograms(candidates):
    mass = hist.axis.Regular(62, 1.65, 2.01, name="mass", label=r"$m(\mu\mu\pi)$ [GeV]")
    pt = hist.axis.Variable([0, 2.5, 5, 7.5, 15], name="pt", label=r"$p_T$ [GeV]")
    return {"mass": make_histogram(candidates, mass), "pt": make_histogram(candidates, pt)}


@pytest.fixture
def cutflow():
    return {
        DATA: [
            {"name": "all", "events": 4000, "candidates": 5500, "sumw": 4000.0},
            {"name": "hlt", "events": 1000, "candidates": 1200, "sumw": 1000.0},
            {"name": "best [one]", "events": 250, "candidates": 250, "sumw": 250.0},
        ],
        SIMULATION: [
            {"name": "all", "events": 0, "candidates": 0, "sumw": 0.0},
            {"name": "hlt", "events": 0, "candidates": 0, "sumw": 0.0},
        ],
    }

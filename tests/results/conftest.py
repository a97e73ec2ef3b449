from __future__ import annotations

import awkward as ak
import hist
import numpy as np
import pytest

DATA, SIMULATION = "2017B.v1-rereco", "ds_phipi_mc"


def make_candidates(n):
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


def make_histogram(candidates, axis):
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

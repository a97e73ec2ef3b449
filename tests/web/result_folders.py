"""A folder with results of all kinds, as the pages of a server show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import hist
import numpy as np
from hist import Hist
from hostile_names import HOSTILE, LONG, RIGHT_TO_LEFT

import tau3mu
from tau3mu.results import Manifest, ResultsFolder, write_manifest
from tau3mu.results.manifest import DatasetFacts

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_results"]

VARIATION = "up"


def make_results(root: Path) -> None:
    """Makes runs of the demo, `demo` and, as that of train 7, with a tighter cut, and `hostile`."""
    tau3mu.run("demo", no_fit=True, output=root / "demo")
    tighter = [tau3mu.DsPhiPi(flight_significance=4.0)]
    folder = root / "trains/0007/results"
    folder.parent.mkdir(parents=True)
    tau3mu.run("demo", processors=tighter, no_fit=True, candidates="parquet", output=folder)
    _hostile(root / "hostile")


def _hostile(path: Path) -> None:
    folder = ResultsFolder.create(path)
    steps = {name: [{"name": HOSTILE, "events": 4, "candidates": 4, "sumw": 4.0}]
             for name in (HOSTILE, RIGHT_TO_LEFT)}  # fmt: skip
    folder.write_processor(
        "first",
        candidates=ak.Array({
            "name": [HOSTILE, LONG, RIGHT_TO_LEFT, HOSTILE],
            "event": [3, 1, 2, 4],
            "mass": np.array([1.5, np.nan, 1.25, 0.1], np.float32),
        }),
        histograms=_histograms(),
        cutflow=steps,
        counters={HOSTILE: {HOSTILE: 3}},
    )  # fmt: skip
    write_manifest(
        path,
        Manifest(
            complete=True,
            exit_code=0,
            configuration={"processors": {"first": {"class": HOSTILE, "hash": "0"}}},
            datasets={name: DatasetFacts() for name in steps},
            warnings=[HOSTILE],
            command=["python", HOSTILE],
        ),
    )


def _histograms() -> dict[str, Hist[Any]]:
    random = np.random.default_rng(3)
    names = [HOSTILE, RIGHT_TO_LEFT]
    dataset = hist.axis.StrCategory(names, name="dataset")
    variation = hist.axis.StrCategory(["nominal", VARIATION], name="variation")
    x = hist.axis.Regular(7, -1, 1, name="x", label=f"x {HOSTILE}")
    y = hist.axis.Variable([0, 1, 2.5, 7], name="y", label="η")
    weight = hist.storage.Weight()
    line = Hist(dataset, variation, x, storage=weight, label=HOSTILE)
    plane = Hist(dataset, x, y, storage=weight)
    space = Hist(dataset, x, y, hist.axis.Regular(3, 0, 1, name="z"), storage=weight)
    for name in names:
        values = random.normal(size=(3, 200))
        for shift, change in ((1.0, "nominal"), (1.25, VARIATION)):
            line.fill(dataset=name, variation=change, x=values[0], weight=shift)
        plane.fill(dataset=name, x=values[0], y=values[1])
        space.fill(dataset=name, x=values[0], y=values[1], z=values[2])
    return {LONG[:100]: line, "plane": plane, "space": space}

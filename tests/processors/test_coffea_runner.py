"""The processors run unchanged in coffea's own Runner."""

from __future__ import annotations

import numpy as np
import pytest
from coffea.processor import IterativeExecutor, Runner

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import execute
from tau3mu.ntuples import NtupleSchema
from tau3mu.processors import DsPhiPi, DsPhiPiNotebook


def rows(steps):
    """Returns the rows of a cutflow as a run has them."""
    cuts = [{"cuts": rows(step["cuts"])} if "cuts" in step else {} for step in steps.values()]
    return [
        {"name": name, **step, **more}
        for (name, step), more in zip(steps.items(), cuts, strict=True)
    ]


@pytest.mark.parametrize("cls", [DsPhiPi, DsPhiPiNotebook])
def test_the_runner_of_coffea_finds_the_same(cls, skim):
    dataset = Dataset("skim", {str(path): None for path in skim}, is_mc=True)
    files = check_files([dataset], cls.columns)
    expected = execute(make_chunks(files, [dataset], 800), [cls()]).processors[cls.name]
    run = Runner(IterativeExecutor(status=False), schema=NtupleSchema, chunksize=800)
    fileset = {
        "skim": {
            "files": {str(path): "Tree3Mu/ntuple" for path in skim},
            "metadata": {"is_mc": True},
        }
    }
    found = run(fileset, cls())
    steps = rows(found["cutflow"]["skim"])
    assert steps == expected.cutflow["skim"]
    assert found["counters"]["skim"] == expected.counters["skim"]
    for name, column in found["candidates"]["skim"].items():
        assert column.value.tolist() == expected.candidates[name].tolist()
    for name, histogram in found["histograms"].items():
        reference = expected.histograms[name]["skim", ...].view(flow=True)
        for field in ("value", "variance"):
            np.testing.assert_allclose(
                histogram["skim", ...].view(flow=True)[field], reference[field], rtol=1e-12
            )

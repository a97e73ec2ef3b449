"""Fits of sidebands in which a peak is not seen."""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest

from tau3mu.fit import fit, load_model


@pytest.mark.parametrize(("ranges", "words"), [([[0, 4], [6, 10]], 1), ([[0, 4.6], [6, 10]], 0)])
@pytest.mark.parametrize("binned", [True, False])
def test_a_free_peak_outside_of_the_ranges_is_told(tmp_path, ranges, words, binned):
    width = {"value": 0.3, "fixed": True}
    content = {
        "schema_version": 2, "name": "m", "title": "m", "input": {"histogram": "x"},
        "observable": {"name": "x", "label": "x", "range": [0, 10], "bins": 100},
        "ranges": ranges,
        "parameters": {"mu": {"value": 5, "fixed": True}, "s": width,
                       "slope": {"value": -0.1, "limits": [-1, 1]}},
        "components": {
            "peak": {"label": "s", "yield": "nS", "pdf": "Gauss",
                     "parameters": {"mu": "mu", "sigma": "s"}},
            "flat": {"label": "b", "yield": "nB", "pdf": "Exponential",
                     "parameters": {"slope": "slope"}},
        },
    }  # fmt: skip
    (tmp_path / "m.json").write_text(json.dumps(content))
    random = np.random.default_rng(1)
    values = np.append(random.exponential(10, 5000), random.normal(5, 0.3, 1000))
    values = values[(values > 0) & (values < 10)]
    data = hist.Hist(hist.axis.Regular(100, 0, 10, name="x")).fill(values) if binned else values
    result = fit(load_model(tmp_path / "m.json"), data)
    told = [text for text in result.messages if "nS" in text and "%" in text]
    assert len(told) == words

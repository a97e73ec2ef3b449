"""What the script of plots computes equals what Python computes for the same histograms."""

from __future__ import annotations

from typing import Any

import hist
import numpy as np
import pytest
from hist import Hist

from tau3mu.web.ratios import compared_part, normalized

pytestmark = pytest.mark.integration

COMPUTED = """async ([a, b]) => {
    const numbers = await import(new URL("static/histograms.js", location.href));
    const shown = one => [Array.from(one.fArray), Array.from(one.fSumw2)];
    return {
        normalized: shown(numbers.normalized(a)),
        ratio: shown(numbers.ratio(a, b)),
        pull: shown(numbers.pull(a, b)),
        entries: numbers.entries(a),
        comparable: [numbers.comparable(a, b), numbers.comparable(a, {...b, fXaxis: a.fYaxis})],
        text: numbers.decoded("\\u00ce\\u00bc"),
        path: numbers.encoded("μ/x"),
    };
}"""


def filled(seed: int, axes: int) -> Hist[Any]:
    """Returns a histogram with weights, some empty bins, and entries outside of its axes."""
    random = np.random.default_rng(seed)
    kinds = [hist.axis.Variable([0, 1, 1.5, 4], name="x"), hist.axis.Regular(4, 0, 3, name="y")]
    made: Hist[Any] = Hist(*kinds[:axes], storage=hist.storage.Weight())
    return made.fill(*random.normal(1, 1, (axes, 30)), weight=random.random(30))


def as_root(made: Hist[Any]) -> dict[str, Any]:
    """Returns a histogram in the form in which JSROOT reads it."""
    axes = [*made.axes, hist.axis.Regular(1, 0, 1)][:2]
    content: dict[str, Any] = {
        "_typename": f"TH{made.ndim}D",
        "fArray": made.values(flow=True).T.ravel().tolist(),
        "fSumw2": made.variances(flow=True).T.ravel().tolist(),
    }
    for name, axis in zip(("fXaxis", "fYaxis"), axes, strict=True):
        regular = isinstance(axis, hist.axis.Regular)
        content[name] = {
            "fNbins": len(axis), "fXmin": axis.edges[0], "fXmax": axis.edges[-1],
            "fXbins": [] if regular else axis.edges.tolist(),
        }  # fmt: skip
    return content


def inner(made: Hist[Any], flat: list[float]) -> Any:
    """Returns the contents of the bins within the axes."""
    whole = np.reshape(flat, [len(axis) + 2 for axis in reversed(made.axes)]).T
    return whole[tuple(slice(1, -1) for _ in made.axes)]


@pytest.mark.parametrize("axes", [1, 2])
def test_numbers_of_the_script(tabs, servers, tmp_path, axes):
    server = servers(["-m", "tau3mu.show", str(tmp_path)], tmp_path)
    page = tabs(server).go("results")
    a, b = filled(1, axes), filled(2, axes)
    found = page.evaluate(COMPUTED, [as_root(a), as_root(b)])
    assert found["entries"] == pytest.approx(a.values(flow=True).sum())
    assert found["comparable"] == [True, False]
    assert (found["text"], found["path"]) == ("μ", "\u00ce\u00bc/x;1")
    unit = normalized(a)
    assert inner(a, found["normalized"][0]) == pytest.approx(unit.values())
    assert inner(a, found["normalized"][1]) == pytest.approx(unit.variances())
    for lower in ("ratio", "pull"):
        expected = compared_part(a, b, lower)
        values, variances = (inner(a, one) for one in found[lower])
        assert values == pytest.approx(np.nan_to_num(expected.values()))
        if lower == "ratio":
            assert variances == pytest.approx(np.nan_to_num(expected.variances()))

"""Weighted histograms: errors follow the sums of squared weights."""

from __future__ import annotations

import pytest
from independent_fit import expected

from tau3mu.fit import fit


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_equal_weights_scale_yields_and_leave_shapes(
    truth, histogram_of, dsphipi, with_method, engine
):
    model, weight = with_method(dsphipi, starts={"number": 1}, engine=engine), 0.25
    contents = expected(truth)  # of fluctuating contents, the two errors differ by fluctuations
    plain = fit(model, histogram_of(contents))
    weighted = fit(model, histogram_of(weight * contents, weight**2 * contents))
    assert plain.valid
    assert weighted.valid
    assert any("weighted" in text for text in weighted.messages)
    for name, parameter in plain.parameters.items():
        if parameter.fixed:
            continue
        scale = weight if parameter.is_yield else 1
        found = weighted.parameters[name]
        assert abs(found.value - scale * parameter.value) < 0.02 * scale * parameter.error, name
        tolerance = 0.05 if "alpha" in name else 0.02  # far from a parabola
        assert found.error == pytest.approx(scale * parameter.error, rel=tolerance), name


def test_unweighted_entries_are_not_called_weighted(fits):
    assert not any("weighted" in text for text in fits["1M"].messages)

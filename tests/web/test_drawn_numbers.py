"""The numbers of histograms over each other equal those of plain loops."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import hist
import numpy as np
import pytest
from hist import Hist

from tau3mu.web.ratios import compared_part, normalized, same_axes


def made(seed: int, storage: Any, axes: int) -> Hist[Any]:
    """Returns a histogram with some empty bins."""
    random = np.random.default_rng(seed)
    kinds = [hist.axis.Regular(6, 0, 3, name="x"), hist.axis.Variable([0, 1, 1.5, 4], name="y")]
    made: Hist[Any] = Hist(*kinds[:axes], storage=storage)
    values = {axis.name: random.normal(1, 1, 40) for axis in made.axes}
    weight = {} if isinstance(storage, hist.storage.Int64) else {"weight": random.random(40)}
    return made.fill(**values, **weight)


STORAGES = [hist.storage.Weight(), hist.storage.Int64(), hist.storage.Double()]


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("storage", STORAGES, ids=lambda one: type(one).__name__)
def test_ratio_and_pull(storage: Any, axes: int) -> None:
    a, b = made(1, storage, axes), made(2, storage, axes)
    ratio, pull = compared_part(a, b, "ratio"), compared_part(a, b, "pull")
    for place in product(*(range(len(axis)) for axis in a.axes)):
        one, other = float(a.values()[place]), float(b.values()[place])
        stored = [part.variances() for part in (a, b)]
        variances = [one if stored[0] is None else stored[0][place],
                     other if stored[1] is None else stored[1][place]]  # fmt: skip
        found = ratio.values()[place], ratio.variances()[place]
        if one == 0:
            assert math.isnan(found[0])
        else:
            expected = (variances[1] + (other / one) ** 2 * variances[0]) / one**2
            assert found == pytest.approx((other / one, expected))
        if sum(variances) == 0:
            assert math.isnan(pull.values()[place])
        else:
            expected = (other - one) / math.sqrt(sum(variances))
            assert pull.values()[place] == pytest.approx(expected)


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("storage", STORAGES, ids=lambda one: type(one).__name__)
def test_unit_area(storage: Any, axes: int) -> None:
    part = made(3, storage, axes)
    scaled = normalized(part)
    area = 0.0
    total = float(part.values().sum())
    for place in product(*(range(len(axis)) for axis in part.axes)):
        size = math.prod(axis.widths[n] for axis, n in zip(part.axes, place, strict=True))
        area += scaled.values()[place] * size
        assert scaled.values()[place] == pytest.approx(part.values()[place] / total / size)
    assert area == pytest.approx(1.0)


def test_empty_histogram_stays() -> None:
    empty = Hist(hist.axis.Regular(3, 0, 1), storage=hist.storage.Weight())
    assert normalized(empty).values().tolist() == [0, 0, 0]


def test_axes_are_compared() -> None:
    one = made(1, hist.storage.Weight(), 1)
    other = Hist(hist.axis.Regular(7, 0, 3), storage=hist.storage.Weight())
    assert same_axes(one, made(2, hist.storage.Weight(), 1))
    assert not same_axes(one, other)

"""The time of a limit in which each channel may have any of five background families."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tau3mu.limits import from_table, limit, model_of

HF = Path(__file__).parents[1] / "tests" / "data" / "hf_2017_2018.json"
FAMILIES = ("exponential", "power", "bernstein1", "bernstein2", "bernstein3")
MOST = 10.0  # seconds of CPU


def test_a_limit_with_discrete_profiling():
    alone = from_table(HF)
    content = alone.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for channel in content["channels"].values():
        background = channel.setdefault("background", {})
        own = background.get("family", "exponential")
        background["others"] = [one for one in FAMILIES if one != own]
    several = model_of(content)
    before = time.process_time()
    found = limit(several).expected[0]
    needed = time.process_time() - before
    print(f"\nHF 2017-18 with five families in each channel: {needed:.1f} s of CPU")
    assert found / limit(alone).expected[0] == pytest.approx(1.08, abs=0.02)
    assert needed <= MOST

from __future__ import annotations

from pathlib import Path

import pytest

from tau3mu.limits import from_table

HF = Path(__file__).parents[1] / "data" / "hf_2017_2018.json"


@pytest.fixture(scope="session")
def hf():
    """The public model of the search with heavy-flavor decays in 2017 and 2018."""
    return from_table(HF)

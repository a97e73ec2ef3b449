"""Ntuples of searches that do no more than their first step."""

from __future__ import annotations

import pytest
from search_inputs import ORIGINS

from tau3mu.generate import generate


@pytest.fixture(scope="session")
def ntuples(tmp_path_factory):
    """Ntuples of few events: no step but the first is done with them."""
    folder = tmp_path_factory.mktemp("ntuples")
    generate(folder / "control", events=20, files=2)
    generate(folder / "control", events=20, simulation=True)
    generate(folder / "tau", events=20, files=2, layout="t3m_tau")
    for origin in ORIGINS:
        generate(folder / "tau", events=20, layout="t3m_tau", simulation=True, origin=origin)
    return folder

"""The center-of-mass energy of a data-taking era."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["lhc_energy"]

_YEAR: Final = re.compile(r"20\d\d")
_ENERGIES: Final = {
    **dict.fromkeys(("2010", "2011"), 7.0),
    "2012": 8.0,
    **dict.fromkeys(("2015", "2016", "2017", "2018"), 13.0),
    **dict.fromkeys(("2022", "2023", "2024", "2025", "2026"), 13.6),
}


def lhc_energy(era: str | None) -> float | None:
    """Returns the energy of proton collisions of the LHC in TeV, None if the year is not known.

    Args:
        era: With the year in its name, such as `2017B`.
    """
    year = _YEAR.search(era or "")
    return _ENERGIES.get(year[0]) if year else None

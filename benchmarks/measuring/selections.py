"""Selections that are measured, each with a program in `peers` that makes the same with ROOT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CONTROL", "Selecting", "search_of"]


@dataclass(frozen=True)
class Selecting:
    """What is run on files.

    Attributes:
        processor: The name of an installed processor.
        values: Its parameters, as of `--set`.
        numbers: Columns of whole numbers that are compared beside run, luminosity section, event
            and triplet.
        peer: The program with RDataFrame and its options.
    """

    processor: str
    values: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    peer: tuple[str, ...] = ()


CONTROL: Final = Selecting("dsphipi", peer=("rdataframe.py",))


def search_of(year: str, *, inputs: bool) -> Selecting:
    """Returns the search for τ→3μ in a year, which is not blind, as its peer is not.

    Args:
        year: 2017 or 2018.
        inputs: Whether the inputs of the discriminant are computed, as they are by default.
    """
    return Selecting(
        "tau3mu",
        (
            f"tau3mu.year={year}",
            "tau3mu.blind=false",
            f"tau3mu.with_inputs={'true' if inputs else 'false'}",
        ),
        numbers=("n_global", "category"),
        peer=("rdataframe_tau3mu.py", "--year", year, *(["--inputs"] if inputs else [])),
    )

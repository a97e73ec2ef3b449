"""Toy ntuples of any size: every branch of the skims, their quirks, and peaks to be found."""

from __future__ import annotations

from tau3mu.generate.files import generate

__all__ = ["generate"]


def __dir__() -> list[str]:
    return __all__

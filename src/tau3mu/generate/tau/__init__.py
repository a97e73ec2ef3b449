"""Toy ntuples of the search for τ→3μ: signal, resonances with a fake muon, and combinations."""

from __future__ import annotations

__all__: list[str] = []

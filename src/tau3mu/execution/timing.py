"""The time that reading and each processor take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Stopwatch", "Timing"]


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        """Begins now."""
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Returns the seconds that have passed, and those that this process has computed in."""
        return time.monotonic() - self._wall, time.process_time() - self._cpu


@dataclass(frozen=True)
class Timing:
    """Seconds on the clock and of computing, of one chunk or of several.

    Columns are made of what was read when a processor first uses them, so the first processor pays
    for what others use after it.

    Attributes:
        read_wall: Seconds on the clock for reading.
        read_cpu: Seconds of computing for reading.
        wall: Seconds on the clock, by processor.
        cpu: Seconds of computing, by processor.
    """

    read_wall: float = 0.0
    read_cpu: float = 0.0
    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def rounded(self) -> dict[str, Any]:
        """Returns the fields as numbers of microseconds' precision, for JSON."""
        return {
            "read_wall": round(self.read_wall, 6),
            "read_cpu": round(self.read_cpu, 6),
            "wall": {name: round(seconds, 6) for name, seconds in self.wall.items()},
            "cpu": {name: round(seconds, 6) for name, seconds in self.cpu.items()},
        }

    def __add__(self, other: Timing) -> Timing:
        """Returns the sum of both."""
        return Timing(
            self.read_wall + other.read_wall,
            self.read_cpu + other.read_cpu,
            _sums(self.wall, other.wall),
            _sums(self.cpu, other.cpu),
        )


def _sums(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in {**one, **other}}

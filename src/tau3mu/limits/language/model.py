"""A model file as a whole."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from tau3mu.config.documents import Strict
from tau3mu.config.problems import key_path
from tau3mu.errors import suggest
from tau3mu.limits.language.parts import (
    Background,
    CountData,
    Events,
    HistogramData,
    Interval,
    MassData,
    Nuisance,
    Peak,
    Process,
    ResultsData,
    refuse,
)

__all__ = ["VERSION", "Counting", "LimitModel", "Spectrum", "Strength", "matching"]

VERSION: Final = 1
_MOST_WIDTHS: Final = 5000.0
_MOST_GEV: Final = 50.0
"""The widest range of a spectrum: expected data have bins of 1 MeV or a quarter of a width."""


def _form(data: Any) -> str:
    keys = data if isinstance(data, dict) else getattr(type(data), "model_fields", {})
    return next((one for one in ("masses", "count", "results") if one in keys), "counts")


_Data = Annotated[
    Annotated[MassData, Tag("masses")]
    | Annotated[HistogramData, Tag("counts")]
    | Annotated[CountData, Tag("count")]
    | Annotated[ResultsData, Tag("results")],
    Discriminator(_form),
]


class Strength(Strict):
    """The parameter of interest r, by which the signal of all channels is multiplied.

    It is 0 or more, and has no other bounds: limits compare each r with r = 0.
    """

    unknown_key_hint: ClassVar[str] = "r has no bounds: limits compare each r with r = 0"

    unit: str = Field(default="r", description="What r = 1 means, such as `B(τ→3μ) = 1e-7`.")
    scale: Annotated[float, Field(gt=0, le=1e12)] = Field(
        default=1.0, description="What r is multiplied by in tables and plots, such as 1e-7."
    )
    label: str = Field(default="r", description="What it is called there, such as `B(τ→3μ)`.")
    start: Annotated[float, Field(ge=1e-12, le=1e12)] = Field(
        default=1.0, description="A value of the order of the limit."
    )


class Spectrum(Strict):
    """A channel whose data are a mass spectrum."""

    range: Interval = Field(description="The range of the mass in GeV.")
    windows: tuple[Interval, ...] = Field(
        default=(),
        description="Where the signal is, in GeV: data there are read with `--observed` only. "
        "Without windows, no data are.",
    )
    signal: Peak = Field(description="The peak.")
    background: Background = Field(default=Background(), description="What is below it.")
    data: _Data | None = Field(
        default=None, description="What was observed; Asimov data of the background otherwise."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Spectrum:
        low, high = self.range
        if not low < self.signal.mean < high:
            refuse("out-of-range", f"the peak at {self.signal.mean:g} GeV is not in the range",
                   "signal.mean")  # fmt: skip
        if (high - low) > _MOST_WIDTHS * self.signal.narrowest or high - low > _MOST_GEV:
            message = (
                f"{high - low:g} GeV are too wide for bins of a peak of {self.signal.narrowest:g} "
                f"GeV: expected at most {_MOST_WIDTHS:g} widths and {_MOST_GEV:g} GeV"
            )
            refuse("out-of-range", message, "range")
        for number, (start, stop) in enumerate(self.windows):
            if start < low or stop > high:
                message = f"the window {start:g} to {stop:g} is not in the range"
                refuse("out-of-range", message, f"windows[{number}]")
        if "power" in {self.background.family, *self.background.others} and low <= 0:
            refuse("out-of-range", f"a power law needs a range above 0, got {low:g}", "range")
        if isinstance(self.data, MassData):
            for number, mass in enumerate(self.data.masses):
                if not low <= mass <= high:
                    refuse("out-of-range", f"{mass:g} GeV is not in the range",
                           f"data.masses[{number}]")  # fmt: skip
        if isinstance(self.data, HistogramData):
            edges = self.data.edges
            if abs(edges[0] - low) > 1e-9 or abs(edges[-1] - high) > 1e-9:
                message = f"the bins cover {edges[0]:g} to {edges[-1]:g}, expected the whole range"
                refuse("out-of-range", message, "data.edges")
        if self.data is None and self.background.events is None:
            refuse("missing-key", "missing key; needed without data", "background.events")
        if self.data is None and self.background.events and not self.background.events.start > 0:
            message = "there is no background: expected a number above 0, or data"
            refuse("no-background", message, "background.events.start")
        return self


_Process = Annotated[str, Field(pattern=r"^[^/*?\[\]\s]+$")]


class Counting(Strict):
    """A channel whose expectation is a histogram per process; with one bin, a counting channel."""

    processes: dict[_Process, Process] = Field(min_length=1, description="By name.")
    observed: tuple[Events, ...] | None = Field(
        default=None, description="Entries of the bins, read with `--observed` only."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Counting:
        lengths = {name: len(one.counts) for name, one in self.processes.items()}
        first = next(iter(lengths.values()))
        for name, length in lengths.items():
            if length != first:
                message = f"expected {first} bins as the other processes, got {length}"
                refuse("wrong-length", message, key_path(["processes", name, "counts"]))
        if self.observed is not None and len(self.observed) != first:
            refuse("wrong-length", f"expected {first} bins as the processes, got "
                   f"{len(self.observed)}", "observed")  # fmt: skip
        if not any(one.signal for one in self.processes.values()):
            refuse("no-signal", "no process is signal", "processes")
        if all(one.signal for one in self.processes.values()):
            refuse("no-background", "no process is background", "processes")
        return self

    @property
    def bins(self) -> int:
        """The number of bins."""
        return len(next(iter(self.processes.values())).counts)


def _kind(channel: Any) -> str:
    keys = channel if isinstance(channel, dict) else getattr(type(channel), "model_fields", {})
    return "counting" if "processes" in keys else "spectrum"


_Channel = Annotated[
    Annotated[Spectrum, Tag("spectrum")] | Annotated[Counting, Tag("counting")],
    Discriminator(_kind),
]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.+-]*$")]


class LimitModel(Strict):
    """The statistical model of a search: channels, and nuisances that they share."""

    schema_version: Literal[1] = Field(description="The version of this language.")
    title: str = Field(default="", description="For tables and pictures.")
    strength: Strength = Field(default=Strength(), description="The parameter of interest.")
    channels: dict[_Name, _Channel] = Field(
        min_length=1,
        description="By name: a spectrum, or with `processes` a channel of templates.",
    )
    nuisances: dict[_Name, Nuisance] = Field(
        default={}, description="The systematic uncertainties, by name."
    )
    source: str = Field(default="", description="Where the numbers come from.")

    @model_validator(mode="after")
    def _references(self) -> LimitModel:
        for name, nuisance in self.nuisances.items():
            for key in ("rate", "mean", "width", "template"):
                for pattern, effect in getattr(nuisance, key).items():
                    at = key_path(["nuisances", name, "yield" if key == "rate" else key, pattern])
                    self._check_target(key, pattern, effect, at)
        self._check_shared()
        return self

    def _check_shared(self) -> None:
        """Checks that processes with one free factor agree about its bounds."""
        found: dict[str, tuple[float, float] | None] = {}
        for target in self._processes():
            channel, _, process = target.partition("/")
            one = self.channels[channel]
            assert isinstance(one, Counting)
            part = one.processes[process]
            if not isinstance(part.free, str):
                continue
            if found.setdefault(part.free, part.bounds) != part.bounds:
                message = f"the bounds are not those of the other processes of {part.free}"
                refuse("not-the-same", message, f"channels.{channel}.processes.{process}.bounds")

    def _check_target(self, key: str, pattern: str, effect: Any, at: str) -> None:
        known = [*self.channels, *self._processes()]
        found = matching(pattern, known)
        if not found:
            message = f"there is no channel or process {pattern!r}{suggest(pattern, known)}"
            refuse("unknown-name", message, at)
        for target in found:
            channel, _, process = target.partition("/")
            one = self.channels[channel]
            if key in {"mean", "width"} and not isinstance(one, Spectrum):
                refuse("no-peak", f"channel {channel} has no peak that could move", at)
            if key != "template":
                continue
            if not isinstance(one, Counting) or not process:
                refuse("no-template", f"{target} is not a process of a channel of templates", at)
            for side in ("down", "up"):
                if len(getattr(effect, side)) != one.bins:
                    refuse("wrong-length", f"expected {one.bins} bins, got "
                           f"{len(getattr(effect, side))}", f"{at}.{side}")  # fmt: skip

    def _processes(self) -> list[str]:
        return [
            f"{name}/{process}"
            for name, channel in self.channels.items()
            if isinstance(channel, Counting)
            for process in channel.processes
        ]


def matching(pattern: str, names: list[str]) -> list[str]:
    """Returns the names that a pattern stands for: a `/` in one is needed in the other.

    Args:
        pattern: With `*` and `?`, or a name.
        names: Channels and processes.
    """
    return [
        one for one in names if (one.count("/") == pattern.count("/")) and fnmatchcase(one, pattern)
    ]

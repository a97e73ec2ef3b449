"""Channels whose background cannot float, whose windows do not hold the signal, and so on."""

from __future__ import annotations

from math import erf, sqrt
from typing import TYPE_CHECKING, Final

from tau3mu.limits.language.model import Counting, LimitModel
from tau3mu.limits.language.parts import CountData
from tau3mu.limits.linting.targets import effects_of
from tau3mu.limits.linting.warning import LintWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.limits.language.model import Spectrum
    from tau3mu.limits.language.parts import Peak, Yield

__all__ = ["channel_warnings"]

_FREE: Final = 2.0
"""Statistical uncertainties by which a background should be able to float."""
_OUTSIDE: Final = 0.2
"""The largest share of the signal outside of the windows."""


def channel_warnings(model: LimitModel) -> Iterator[LintWarning]:
    """Yields warnings about channels, one by one.

    Args:
        model: The model.
    """
    attached = {
        target
        for nuisance in model.nuisances.values()
        for kind, target in effects_of(model, nuisance)
        if kind in {"yield", "template"}
    }
    for name, channel in model.channels.items():
        if isinstance(channel, Counting):
            yield from _processes(name, channel, attached)
        else:
            yield from _spectrum(name, channel)


def _processes(name: str, channel: Counting, attached: set[str]) -> Iterator[LintWarning]:
    keys = ("channels", name, "processes")
    if not any(sum(one.counts) > 0 for one in channel.processes.values() if one.signal):
        yield LintWarning("limits.no-signal", keys, "no signal is expected: it adds nothing")
    for process, one in channel.processes.items():
        if not one.signal and not one.free and f"{name}/{process}" not in attached:
            message = "this background cannot float: it is not free and no nuisance acts on it"
            yield LintWarning("limits.fixed-background", (*keys, process), message)
        if not one.signal and one.bounds and (text := _tight(one.bounds, sum(one.counts))):
            yield LintWarning("limits.fixed-background", (*keys, process, "bounds"), text)


def _spectrum(name: str, channel: Spectrum) -> Iterator[LintWarning]:
    keys = ("channels", name)
    if not channel.signal.signal_yield > 0:
        message = "no signal is expected: the channel adds nothing"
        yield LintWarning("limits.no-signal", (*keys, "signal", "yield"), message)
    has_data = channel.data is not None and not isinstance(channel.data, CountData)
    if has_data and not channel.windows:
        message = "the channel has data but no windows: without --observed, none of them are read"
        yield LintWarning("limits.no-windows", keys, message)
    if channel.windows and (outside := _outside(channel)) > _OUTSIDE:
        message = (
            f"{100 * outside:.0f} % of the signal are outside of the windows: sidebands are not "
            "blind, and the background from them is too high if there is a signal"
        )
        yield LintWarning("limits.narrow-windows", (*keys, "windows"), message)
    at = (*keys, "background")
    events = channel.background.events
    if events is not None and (message := _cannot_float(events)):
        yield LintWarning("limits.fixed-background", (*at, "events"), message)
    for number, one in enumerate(channel.background.shape):
        if one.bounds and one.start in one.bounds:
            message = f"the start {one.start:g} is at a bound, where fits may get stuck"
            keys_of = (*at, "shape", number, "start")
            yield LintWarning("limits.start-at-bound", keys_of, message)


def _cannot_float(events: Yield) -> str:
    error = sqrt(max(events.start, 1.0))
    if events.bounds:
        scale = max(events.start, 1e-9)
        low, high = events.bounds
        if text := _tight((low / scale, high / scale), events.start):
            return text
    if events.constraint and events.constraint.sigma < error / 10:
        return (
            f"the constraint of ± {events.constraint.sigma:g} fixes a background whose statistical "
            f"uncertainty is {error:.2g}"
        )
    return ""


def _tight(bounds: tuple[float, float], events: float) -> str:
    """Returns what is wrong with bounds of a background, over its expectation."""
    low, high = (events * one for one in bounds)
    error = sqrt(max(events, 1.0))
    room = min(events - low if low > 0 else error * _FREE, high - events)
    if room >= _FREE * error:
        return ""
    return (
        f"the background can only float between {low:g} and {high:g}, though {events:g} events are "
        f"uncertain by {error:.2g}: it is as good as fixed"
    )


def _outside(channel: Spectrum) -> float:
    """Returns the share of the signal outside of the windows, with Gaussians for tails."""
    one = channel.signal
    total = _between(one, *channel.range)
    inside = sum(_between(one, *window) for window in _joined(channel.windows))
    return 1 - inside / total if total > 0 else 0.0


def _between(peak: Peak, low: float, high: float) -> float:
    fraction = 1.0 if peak.fraction is None else peak.fraction
    parts = [(fraction, peak.sigma)]
    if peak.gauss is not None:
        parts.append((1 - fraction, peak.gauss))
    return sum(
        share * (erf((high - peak.mean) / (sqrt(2) * width))
                 - erf((low - peak.mean) / (sqrt(2) * width))) / 2
        for share, width in parts
    )  # fmt: skip


def _joined(windows: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Returns windows without overlaps."""
    found: list[tuple[float, float]] = []
    for low, high in sorted(windows):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found

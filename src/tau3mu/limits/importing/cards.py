"""Cards of Combine without workspaces: counting experiments, and templates in ROOT files.

The model has the same likelihood; what a model file cannot express is refused with the number of
the line.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.limits.importing.card_lines import read_card
from tau3mu.limits.importing.card_templates import CardTemplates
from tau3mu.limits.language.files import model_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.importing.card_lines import Card, Line
    from tau3mu.limits.language.model import LimitModel

    Array = npt.NDArray[np.float64]

__all__ = ["from_card"]

_TOLERANCE: Final = 0.01
"""By how much a rate may differ from its template, as in Combine: of the rate, or of one event."""
_LITTLE: Final = 0.01  # events in a sideband that has none, where a fit starts


def from_card(path: str | Path) -> LimitModel:
    """Returns the model of a card of Combine.

    Args:
        path: A text file, with its ROOT files beside it.

    Raises:
        InputError: It cannot be read, or has parts that a model file cannot express, such as
            workspaces; the message names the line.
    """
    card = read_card(Path(path))
    templates = CardTemplates(card)
    channels: dict[str, Any] = {name: {"processes": {}} for name in card.observed}
    for column in card.columns:
        counts = _counts(card, templates, column.channel, column.process, column.rate)
        channels[column.channel]["processes"][column.process] = {
            "counts": counts.tolist(), **({"signal": True} if column.signal else {}),
        }  # fmt: skip
    for name, number in card.observed.items():
        observed = _observed(card, templates, name, number)
        channels[name]["observed"] = observed.tolist()
    for line in card.factors:
        _free(card, channels, line)
    nuisances: dict[str, dict[str, Any]] = {}
    for line in card.nuisances:
        if line.words[1] == "gmN":
            _gamma(card, channels, line)
        else:
            found = _nuisance(card, templates, channels, line)
            if found:
                nuisances[line.words[0]] = found
    content = {"schema_version": 1, "channels": channels, "nuisances": nuisances,
               "source": f"card of Combine {Path(path).name}"}  # fmt: skip
    return model_of(content, f"card {path}")


def _counts(card: Card, templates: CardTemplates, channel: str, process: str, rate: float) -> Array:
    line = templates.line(channel, process)
    if line is None:
        if rate == -1:
            card.rate.refuse("limits.missing-key", f"the rate of {process} of {channel} is −1, but "
                             "no line names a template")  # fmt: skip
        bins = _bins(card, templates, channel)
        if bins > 1 and rate > 0:
            card.rate.refuse("limits.no-template", f"{process} of {channel} has no template, but "
                             "the other processes of the channel have")  # fmt: skip
        return np.full(bins, rate / bins)
    counts = templates.counts(channel, process, line)
    if counts is None:
        if rate == 0:
            return np.zeros(_bins(card, templates, channel))
        line.refuse("limits.no-template", f"there is no histogram for {process} of {channel}")
    total = counts.sum()
    if rate == -1:
        return counts
    if abs(total - rate) > _TOLERANCE * max(1.0, rate):
        line.refuse("limits.not-the-same", f"the template for {process} of {channel} has "
                    f"{total:g} entries, but its rate is {rate:g}")  # fmt: skip
    return counts * (rate / total) if total > 0 else counts


def _bins(card: Card, templates: CardTemplates, channel: str) -> int:
    for process in ("data_obs", *(one.process for one in card.columns if one.channel == channel)):
        line = templates.line(channel, process)
        counts = None if line is None else templates.counts(channel, process, line)
        if counts is not None:
            return len(counts)
    return 1


def _observed(card: Card, templates: CardTemplates, channel: str, number: float) -> Array:
    line = templates.line(channel, "data_obs")
    if line is None:
        if number < 0:
            card.observation.refuse("limits.missing-key", f"the observation of {channel} is "
                                    f"{number:g}, but no line names a histogram")  # fmt: skip
        return np.array([number])
    counts = templates.counts(channel, "data_obs", line)
    if counts is None:
        line.refuse("limits.no-template", f"there is no histogram data_obs for {channel}")
    if number != -1 and abs(counts.sum() - number) > _TOLERANCE * max(1.0, number):
        card.observation.refuse("limits.not-the-same", f"data_obs of {channel} has "
                                f"{counts.sum():g} entries, but the observation is "
                                f"{number:g}")  # fmt: skip
    return counts


def _free(card: Card, channels: dict[str, Any], line: Line) -> None:
    """Makes processes free that a line with `rateParam` names."""
    words = line.words
    if len(words) not in {5, 6} or not re.fullmatch(r"[-+.\deE]+", words[4]):
        line.refuse("limits.not-supported", "expected NAME rateParam CHANNEL PROCESS VALUE "
                    "[[LOW,HIGH]]; formulas and workspaces are not supported")  # fmt: skip
    name, start = words[0], line.number_of(words[4])
    if start <= 0:
        line.refuse("limits.out-of-range", f"expected a value above 0, got {start:g}")
    bounds = None
    if len(words) == 6:
        found = re.fullmatch(r"\[([^,\]]+),([^,\]]+)\]", words[5])
        if found is None:
            line.refuse("limits.wrong-range", f"expected [LOW,HIGH], got {words[5]}")
        bounds = [line.number_of(edge) / start for edge in found.groups()]
    same = [
        (one.channel, one.process) for one in card.columns
        if fnmatchcase(one.channel, words[2]) and fnmatchcase(one.process, words[3])
    ]  # fmt: skip
    if not same:
        line.refuse("limits.unknown-name", f"there is no process {words[3]} of {words[2]}")
    for channel, process in same:
        part = channels[channel]["processes"][process]
        if "free" in part:
            line.refuse("limits.not-supported", f"{process} of {channel} has a free factor already,"
                        " and only one is supported")  # fmt: skip
        part["counts"] = [start * one for one in part["counts"]]
        part["free"] = name
        if bounds is not None:
            part["bounds"] = bounds


def _gamma(card: Card, channels: dict[str, Any], line: Line) -> None:
    """Adds the sideband of a line with `gmN` as a channel, with a factor that both have."""
    name, number = line.words[0], line.number_of(line.words[2])
    if number < 0 or number != round(number):
        line.refuse("limits.out-of-range", f"expected a number of events, got {line.words[2]}")
    sideband = number or _LITTLE
    more = {"free": name, "bounds": [0.0, 1e5]} if not number else {"free": name}
    for column, word in zip(card.columns, line.words[3:], strict=False):
        alpha = 0.0 if word == "-" else line.number_of(word)
        if alpha == 0:
            continue
        part = channels[column.channel]["processes"][column.process]
        if "free" in part:
            line.refuse("limits.not-supported", f"{column.process} of {column.channel} has a free "
                        "factor already, and only one is supported")  # fmt: skip
        total, wanted = sum(part["counts"]), alpha * number
        if abs(total - wanted) > _TOLERANCE * max(wanted, 1e-9):
            line.refuse("limits.not-the-same", f"{number:g} events times {alpha:g} are not the "
                        f"rate {total:g} of {column.process} of {column.channel}")  # fmt: skip
        if number:
            part["counts"] = [one * wanted / total for one in part["counts"]]
        elif len(part["counts"]) > 1:
            line.refuse("limits.not-supported", f"0 events times a template of {column.process} of "
                        f"{column.channel} have no shape")  # fmt: skip
        else:
            part["counts"] = [alpha * sideband]
        part.update(more)
    if f"{name}_sideband" in channels:
        line.refuse("limits.listed-twice", f"there is a channel {name}_sideband already")
    channels[f"{name}_sideband"] = {
        "processes": {"signal": {"counts": [0.0], "signal": True},
                      "sideband": {"counts": [sideband], **more}},
        "observed": [number],
    }  # fmt: skip


def _nuisance(
    card: Card, templates: CardTemplates, channels: dict[str, Any], line: Line
) -> dict[str, Any]:
    name, kind = line.words[:2]
    rates: dict[str, Any] = {}
    moved: dict[str, Any] = {}
    for column, word in zip(card.columns, line.words[2:], strict=False):
        if word == "-" or (kind != "lnN" and _float_or(word) == 0):
            continue
        target = f"{column.channel}/{column.process}"
        part = channels[column.channel]["processes"][column.process]
        if sum(part["counts"]) == 0:  # nothing to act on
            continue
        if kind != "lnN":
            pair = _moved(templates, column.channel, column.process, line)
            if pair is not None:
                if line.number_of(word) != 1:
                    line.refuse("limits.not-supported", f"expected 1 for a template moved by one "
                                f"σ, got {word}: scale the template")  # fmt: skip
                moved[target] = pair
                continue
            if kind == "shape":
                line.refuse("limits.no-template", f"there are no histograms {name}Up and {name}"
                            f"Down for {column.process} of {column.channel}")  # fmt: skip
        kappas = [line.number_of(one) for one in word.split("/")]
        if len(kappas) > 2 or min(kappas) < 0 or (len(kappas) == 2 and min(kappas) == 0):
            line.refuse("limits.out-of-range", f"expected κ above 0, or two as 0.9/1.2, got {word}")
        if kappas not in ([0.0], [1.0], [1.0, 1.0]):
            rates[target] = kappas[0] if len(kappas) == 1 else kappas
    return {**({"yield": rates} if rates else {}), **({"template": moved} if moved else {})}


def _float_or(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _moved(
    templates: CardTemplates, channel: str, process: str, line: Line
) -> dict[str, list[float]] | None:
    """Returns the templates moved by a nuisance, None if there are none."""
    where = templates.line(channel, process)
    if where is None:
        return None
    nominal = templates.counts(channel, process, where)
    pair = {}
    for key in ("Down", "Up"):
        if len(where.words) < 6 and line.words[1] == "shape?":
            return None
        counts = templates.counts(channel, process, where, line.words[0] + key)
        if counts is None:
            return None
        pair[key.lower()] = counts
    assert nominal is not None
    if not all(one.sum() > 0 for one in (*pair.values(), nominal)):
        line.refuse("limits.no-events", f"a template for {process} of {channel} is empty")
    return {key: one.tolist() for key, one in pair.items()}

"""Models as cards of Combine, with a ROOT file of templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.limits.exchange.binned import binned

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.exchange.binned import Channel, Sample

    Array = npt.NDArray[np.float64]

__all__ = ["TEMPLATES", "write_card"]

TEMPLATES: Final = "templates.root"
"""The name of the file beside the card."""


def write_card(compiled: Compiled, folder: Path) -> None:
    """Writes `card.txt` and the templates.

    Args:
        compiled: The model.
        folder: That exists.

    Raises:
        RunError: A file cannot be written.
    """
    from tau3mu.storage.files import write_text

    channels = binned(compiled)
    moved = {
        name: None for channel in channels for sample in channel.samples for name in sample.moved
    }
    _write_templates(channels, list(moved), folder / TEMPLATES)
    write_text(folder / "card.txt", _card(compiled, channels, list(moved)))


def _write_templates(channels: list[Channel], moved: list[str], path: Path) -> None:
    import uproot

    from tau3mu.storage.files import atomic

    with atomic(path) as temporary, uproot.recreate(temporary) as file:
        for channel in channels:
            file[f"{channel.name}/data_obs"] = channel.observed, channel.edges
            for sample in channel.samples:
                name = f"{channel.name}/{sample.name}"
                file[name] = sample.counts, channel.edges
                for nuisance in moved:
                    pair = _pair(sample, nuisance)
                    if pair is not None:
                        file[f"{name}_{nuisance}Down"] = pair[0], channel.edges
                        file[f"{name}_{nuisance}Up"] = pair[1], channel.edges


def _pair(sample: Sample, nuisance: str) -> tuple[Array, Array] | None:
    """Returns the templates for one σ down and up with their rates, None if nothing changes."""
    if nuisance not in sample.moved and nuisance not in sample.rates:
        return None
    low, high = sample.moved.get(nuisance, (sample.counts, sample.counts))
    down, up = sample.rates.get(nuisance, (1.0, 1.0))
    return np.maximum(low, 0.0) * down, np.maximum(high, 0.0) * up


def _card(compiled: Compiled, channels: list[Channel], moved: list[str]) -> str:
    columns = [(channel, sample) for channel in channels for sample in channel.samples]
    names = [name for name in compiled.likelihood.nuisances if name not in moved]
    names += [
        name for _, sample in columns for name in sample.rates if name not in (*names, *moved)
    ]
    numbers: dict[str, int] = {}
    for sign in (True, False):  # signal has numbers of 0 and less
        for name in dict.fromkeys(one.name for _, one in columns if one.signal is sign):
            known = sum(1 for number in numbers.values() if (number <= 0) is sign)
            numbers[f"{name} {sign}"] = -known if sign else known + 1
    rows = [
        ["bin", "", *(channel.name for channel, _ in columns)],
        ["process", "", *(sample.name for _, sample in columns)],
        ["process", "", *(str(numbers[f"{one.name} {one.signal}"]) for _, one in columns)],
        ["rate", "", *("-1" for _ in columns)],
    ]
    for name in names:
        pairs = [sample.rates.get(name) for _, sample in columns]
        rows.append([name, "lnN", *("-" if one is None else _kappa(*one) for one in pairs)])
    rows += [
        [name, "shape", *("-" if _pair(one, name) is None else "1" for _, one in columns)]
        for name in moved
    ]
    widths = [max(len(row[one]) for row in rows) for one in range(2 + len(columns))]
    table = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    factors = [
        f"{sample.factor} rateParam {channel.name} {sample.name} 1 "
        f"[{sample.bounds[0]!r},{sample.bounds[1]!r}]"
        for channel, sample in columns if sample.factor is not None
    ]  # fmt: skip
    return "\n".join([
        f"# {compiled.model.title or 'a limit model'}; r = 1 is {compiled.model.strength.unit}",
        f"imax {len(channels)}", "jmax *", "kmax *",
        f"shapes * * {TEMPLATES} $CHANNEL/$PROCESS $CHANNEL/$PROCESS_$SYSTEMATIC",
        "bin         " + " ".join(channel.name for channel in channels),
        "observation " + " ".join("-1" for _ in channels), *table, *factors, "",
    ])  # fmt: skip


def _kappa(down: float, up: float) -> str:
    return f"{up!r}" if abs(down * up - 1) < 1e-12 else f"{down!r}/{up!r}"

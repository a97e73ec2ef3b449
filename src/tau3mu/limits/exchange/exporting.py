"""A model, or limits, in the form of another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.limits.exchange.binned import lost_in_bins
from tau3mu.limits.language.model import LimitModel, Spectrum
from tau3mu.limits.limiting import prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.limits.compiled import Compiled

__all__ = ["FORMATS", "Format", "export"]

Format = Literal["hs3", "pyhf", "combine", "hepdata"]
FORMATS: Final[tuple[Format, ...]] = ("hs3", "pyhf", "combine", "hepdata")
"""By name: the first two are files, the others folders."""


def export(
    model: LimitModel | str | Path,
    form: Format,
    output: str | Path,
    *,
    channels: Sequence[str] = (),
    observed: bool = False,
) -> tuple[str, ...]:
    """Writes a model, or limits, in the form of another program; returns what is lost in words.

    Without `observed`, the data that are written are those expected of the background.

    Args:
        model: The model, its file, or a folder of limits (which `hepdata` needs).
        form: `hs3`, `pyhf`, `combine` or `hepdata`.
        output: A new file (`hs3`, `pyhf`), or a new folder.
        channels: Names or patterns of channels; all by default.
        observed: Whether data in the signal windows are read and written.

    Raises:
        InputError: The model cannot be read, the output is there already, or a package is missing.
        RunError: A file cannot be written.
    """
    from tau3mu.storage.files import json_text, make_folder, write_text

    path = Path(output)
    if form not in FORMATS:
        message = f"expected one of {', '.join(FORMATS)}, got {form!r}{suggest(form, FORMATS)}"
        raise InputError(message, code="limits.unknown-format", path=form)
    if path.exists():
        message = f"{path} is there already: choose another name, or remove it"
        raise InputError(message, code="limits.file-exists", path=path)
    if form == "hepdata":
        return _hepdata(model, path, channels=channels, observed=observed)
    if not isinstance(model, LimitModel) and Path(model).is_dir():
        model = Path(model) / "model.json"
    numbers, _, _ = prepared(model, channels=channels, observed=observed)
    lost = _lost_in_data(numbers)
    if form == "hs3":
        from tau3mu.limits.exchange.hs3 import hs3

        data = numbers.observed
        if data is None:
            like = numbers.likelihood
            data = numbers.asimov(np.where(np.arange(like.size) == 0, 0.0, like.start))
        write_text(path, json_text(hs3(numbers, data)))
        lost += _lost_in_hs3(numbers)
    elif form == "pyhf":
        from tau3mu.limits.exchange.pyhf import lost_in_pyhf, pyhf_workspace

        write_text(path, json_text(pyhf_workspace(numbers)))
        lost += lost_in_pyhf(numbers)
    else:
        from tau3mu.limits.exchange.combine import write_card

        make_folder(path)
        write_card(numbers, path)
        lost += lost_in_bins(numbers)
    return tuple(lost)


def _hepdata(
    model: LimitModel | str | Path, path: Path, *, channels: Sequence[str], observed: bool
) -> tuple[str, ...]:
    from tau3mu.limits.exchange.hepdata import LOST_IN_HEPDATA, read_limits, write_submission

    if isinstance(model, LimitModel) or not Path(model).is_dir():
        message = (
            "HEPData needs limits: give the folder that `python -m tau3mu.limits MODEL --output` "
            "wrote"
        )
        raise InputError(message, code="limits.no-limits", path="model")
    if channels or observed:
        message = "limits are there already: their channels and data cannot be chosen any more"
        raise InputError(message, code="limits.unused-option", path="channels")
    write_submission(read_limits(Path(model)), path)
    return LOST_IN_HEPDATA


def _lost_in_data(numbers: Compiled) -> list[str]:
    lost: list[str] = []
    if numbers.observed is None:
        lost.append("data are those expected of the background: nothing in the windows was read")
    others = [name for name, one in numbers.model.channels.items()
              if isinstance(one, Spectrum) and one.background.others]  # fmt: skip
    if others:
        lost.append(
            f"the choice among background families ({', '.join(others[:3])}"
            f"{' and others' if len(others) > 3 else ''}): each channel has the first alone"
        )
    return lost


def _lost_in_hs3(numbers: Compiled) -> list[str]:
    points = numbers.grid if numbers.observed is None else numbers.observed.points
    if points is not None and not (points.weight == 1).all():
        return ["bins of spectra become weighted masses at their centers"]
    return []

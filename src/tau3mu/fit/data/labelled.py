"""Numbers that a histogram carries by the labels of its bins: parameters of an earlier fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.fit.data.root_files import find_histogram, labels, open_root

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_labelled"]


def read_labelled(file: str | Path, histogram: str) -> dict[str, tuple[float, float]]:
    """Returns content and error of each labelled bin of a TH1, by its label.

    Bins without a label are left out.

    Raises:
        InputError: There is no such file or histogram, no bin has a label, or a label stands for
            different numbers.
    """
    path = str(file)
    with open_root(path) as content:
        found = find_histogram(content, histogram)
        names, values, errors = labels(found), found.values(), found.errors()
    where = f"{path}:{histogram}"
    result: dict[str, tuple[float, float]] = {}
    for number, label in sorted(names.items()):
        pair = float(values[number - 1]), float(errors[number - 1])
        if result.setdefault(label, pair) != pair:
            (first, _), (second, _) = result[label], pair
            message = (
                f"{where}: two bins have the label {label!r} and differ ({first:g} and "
                f"{second:g}); give one of them another label"
            )
            raise InputError(message, code="fit.repeated-label", path=where)
    if not result:
        message = f"{where}: none of its {len(values)} bins has a label; expected names"
        raise InputError(message, code="fit.no-labels", path=where)
    return result

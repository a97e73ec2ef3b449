"""The fits of a run: which processor has which, and whether it returns what is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hist import Hist

    from tau3mu.datasets import Dataset
    from tau3mu.fit import FitModel

__all__ = ["check_columns", "check_eras", "models_of"]


def models_of(
    histograms: Mapping[str, Mapping[str, Hist[Any]]],
    fit: str | None,
    classes: Mapping[str, str],
    own: Mapping[str, str | Path | FitModel | None],
) -> dict[str, FitModel]:
    """Returns the fit of each processor: the one asked for, or the shipped one of its class.

    Args:
        histograms: Those that each processor fills, by processor and name.
        fit: A shipped fit or a file, for all processors.
        classes: The name of the class of each processor, which variants share.
        own: The fits of some processors, by their names: a shipped fit, a file, a model, or None
            for no fit.

    Raises:
        InputError: The fit cannot be read, or is of a histogram that is not filled, or a fit is
            given for a processor that there is not.
    """
    from tau3mu.fit import FitModel, load_model, shipped_fits

    for name in own:
        if name not in histograms:
            message = (
                f"a fit is given for the processor {name!r}{suggest(name, histograms)}; there are "
                f"{', '.join(histograms)}"
            )
            raise InputError(message, code="run.fit-of-unknown-processor", path=name)
    models = {}
    for processor, filled in histograms.items():
        asked = own.get(processor, fit)
        if asked is None and (processor in own or classes[processor] not in shipped_fits()):
            continue
        named = classes[processor] if asked is None else asked
        model = named if isinstance(named, FitModel) else load_model(named)
        if _fits(processor, filled, model, required=asked is not None):
            models[processor] = model
    return models


def _fits(
    processor: str, histograms: Mapping[str, Hist[Any]], model: FitModel, *, required: bool
) -> bool:
    """Returns whether a processor fills what a model fits, in bins that the model can take."""
    from tau3mu.fit.data.prepare import check_histogram

    for part in model.parts.values():
        asked = part.input.histogram if part.input else part.observable.name
        if asked is None:  # single entries, of the candidates
            continue
        if asked in histograms:
            check_histogram(histograms[asked], part, f"fit {model.name} of processor {processor}")
        elif not required:
            return False
        else:
            message = (
                f"fit {model.name} is of histogram {asked!r}, which processor {processor} "
                f"does not fill{suggest(asked, histograms)}; it has {', '.join(histograms)}"
            )
            raise InputError(message, code="run.fit-without-histogram", path=asked)
    return True


def check_eras(model: FitModel, datasets: Sequence[Dataset]) -> None:
    """Checks that a processor reads datasets of the eras that are fitted.

    Args:
        model: The fit.
        datasets: Those that the processor reads.

    Raises:
        InputError: It does not.
    """
    known = {dataset.era or dataset.name for dataset in datasets}
    for part in model.parts.values():
        era = part.input.era if part.input else None
        if era is not None and era not in known:
            message = (
                f"fit {model.name} is of era {era!r}, of which the run has no dataset"
                f"{suggest(era, known)}; it has {', '.join(sorted(known))}. The era stands in "
                "the metadata of a dataset file; a fit of other eras is a copy of the fit file"
            )
            raise InputError(message, code="run.fit-of-unknown-era", path=era)


def check_columns(model: FitModel, processor: str, columns: Mapping[str, str]) -> None:
    """Checks that the candidates have the columns of single entries that a model fits.

    Args:
        model: The fit.
        processor: Whose candidates are fitted.
        columns: The types of the columns, by name.

    Raises:
        InputError: A column is missing, or has no numbers.
    """
    for part in model.parts.values():
        given = part.input
        cut = given.condition.names if given and given.condition else ()
        for column in (given.column, given.weight, *cut) if given else ():
            if column is None:
                continue
            kind = columns.get(column)
            numbers = ("float", "int", "uint", *(["bool"] if column in cut else []))
            if kind is None or not kind.startswith(numbers):
                there = "does not return" if kind is None else f"returns as {kind}"
                message = (
                    f"fit {model.name} is of the column {column!r}, which processor {processor} "
                    f"{there}{suggest(column, columns)}; it has {', '.join(columns)}"
                )
                raise InputError(message, code="run.fit-without-column", path=column)

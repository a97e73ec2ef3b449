"""sWeights: weights of single entries that show how one component is distributed.

M. Pivk and F. Le Diberder, Nucl. Instrum. Meth. A 555 (2005) 356, as hepstats calculates them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.data import Unbinned
from tau3mu.fit.likelihood.parameters import Parameters
from tau3mu.fit.output.files import check_free
from tau3mu.fit.studies.tables import read_table, rows_of
from tau3mu.storage.files import atomic, staged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.data import Source
    from tau3mu.fit.fitting.result import FitResult

__all__ = ["sweights", "write_sweights"]

log = logging.getLogger(__name__)

_TOLERANCE = 5e-3  # of the rule by which each component's share of all entries adds up to one


def sweights(result: FitResult, spectrum: str | None = None) -> dict[str, np.ndarray]:
    """Returns the sWeights of every component, one per fitted entry.

    The shapes are kept as they were fitted and only the yields are free. The weights of a component
    add up to its yield in the fitted ranges, and those of one entry to one. They may be used for
    variables that do not depend on the fitted one within any component. If the entries have
    weights, then the sWeights have to be multiplied by them.

    Args:
        result: A valid fit of single entries.
        spectrum: Which one; it may be left out where there is only one.

    Raises:
        InputError: The fit is not valid, is binned or has one component, or its yields are not
            free.
    """
    name = spectrum if spectrum is not None else next(iter(result.model.parts))
    where = f"fit {result.model.name}: the sWeights of {name}"
    sample = result.data[name]
    if not isinstance(sample, Unbinned):
        message = f"{where} need single entries; give 'column' as input instead of 'histogram'"
        raise InputError(message, code="fit.needs-entries", path=name)
    components = result.model.parts[name].components
    if len(components) < 2:
        message = f"{where} need two components or more"
        raise InputError(message, code="fit.needs-components", path=name)
    if not result.valid:
        message = f"{where} need a valid fit, but {result.messages[0]}"
        raise InputError(message, code="fit.invalid-fit", path=name)
    return dict(zip(components, _calculated(result, name, sample, where), strict=True))


def write_sweights(
    folder: str | Path, result: FitResult, sources: Mapping[str, Source]
) -> list[Path]:
    """Writes the entries with their sWeights as parquet, and returns the files.

    `sweights.parquet` has all rows and columns of the file from which the entries were read, and
    for every component `sweight_NAME`, null in rows that were not fitted. With several spectra
    there is `sweights_SPECTRUM.parquet` for each that has single entries.

    Args:
        folder: Where to write.
        result: A fit of single entries.
        sources: What was read, by the name of the spectrum.

    Raises:
        InputError: There are no sWeights (see `sweights`), a file is there already, or the entries
            have no rows of their own.
        RunError: A file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(folder)
    entries = [name for name, sample in result.data.items() if isinstance(sample, Unbinned)]
    files = {
        name: "sweights.parquet" if len(result.data) == 1 else f"sweights_{name}.parquet"
        for name in entries or result.data
    }
    check_free(folder, files.values())
    with staged(folder) as aside:
        for name, file in files.items():
            weights = sweights(result, name)
            part, source = result.model.parts[name], sources[name]
            column = part.input.column if part.input and part.input.column else part.observable.name
            table = read_table(source, column)
            rows = rows_of(table, column, source, result.data[name])  # type: ignore[arg-type]
            for component, values in weights.items():
                all_rows = np.zeros(len(table))
                all_rows[rows] = values
                table = table.append_column(f"sweight_{component}", pa.array(all_rows, mask=~rows))
            with atomic(aside / file) as temporary:
                pq.write_table(table, temporary)
            log.info("%s: sWeights of %d of %d rows", folder / file, rows.sum(), len(table))
    return [folder / file for file in files.values()]


def _calculated(result: FitResult, name: str, sample: Unbinned, where: str) -> list[np.ndarray]:
    """Returns the sWeights of the components in their order, from zfit's pdfs."""
    from hepstats.splot import compute_sweights
    from hepstats.splot.exceptions import (
        ModelNotFittedToData,
    )

    from tau3mu.fit.likelihood.zfit_engine import zfit_engine

    engine = zfit_engine(result.model, result.data)
    for parameter in Parameters(result.model).free:
        engine.zfit_parameters[parameter].set_value(result.values[parameter])
    try:
        found: dict[Any, np.ndarray] = compute_sweights(
            *_extended(engine.loss.model[list(result.data).index(name)], sample),
            sample_weight=sample.weights,
            atol_exceptions=_TOLERANCE,
        )
    except ModelNotFittedToData as error:
        message = (
            f"{where}: the yields are not those that describe the entries best, as where one is "
            "fixed, tied, constrained or at a limit; sWeights need all of them free"
        )
        raise InputError(message, code="fit.not-free", path=name) from error
    return list(found.values())


def _extended(pdf: Any, sample: Unbinned) -> tuple[Any, Any]:
    """Returns the sum of extended pdfs, each cut to the fitted ranges, and the entries for it."""
    from tau3mu.fit.backend import zfit

    whole, space = pdf.whole, pdf.space
    entries = zfit.Data.from_numpy(obs=space, array=sample.values)
    lower, upper = (float(np.ravel(limit)[0]) for limit in space.v1.limits)
    if sample.intervals == ((lower, upper),):
        return whole, entries
    parts = [part.to_truncated(limits=pdf.limits) for part in whole.get_models()]
    return zfit.pdf.SumPDF(parts), entries

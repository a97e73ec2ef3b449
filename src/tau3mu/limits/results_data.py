"""Data of channels from results folders of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from hist import Hist

    from tau3mu.fit.data.source import Source
    from tau3mu.limits.language.parts import Interval, ResultsData
    from tau3mu.results.manifest import Manifest

    Array = npt.NDArray[np.float64]

__all__ = ["ResultsRead", "read_results"]


class ResultsRead(NamedTuple):
    """What was read of a results folder.

    Attributes:
        data: Masses in the range, or the edges of bins and their entries.
        warnings: What is odd about them.
    """

    data: Array | tuple[Array, Array]
    warnings: tuple[str, ...]


def read_results(
    channel: str, data: ResultsData, limits: Interval, folder: Path, *, observed: bool
) -> ResultsRead:
    """Returns the data of a channel from a results folder.

    Args:
        channel: Its name.
        data: Which.
        limits: The range in GeV.
        folder: From which relative paths start.
        observed: Whether the signal windows are looked at.

    Raises:
        InputError: There are no such results, they have weights, or they are blind themselves.
    """
    from tau3mu.config.input_files import user_path

    path = folder / user_path(data.results)
    run = _manifest(path)
    warnings = []
    if run is not None and not run.complete:
        warnings.append(f"channel {channel}: the run of {path} has not read all events")
    if observed and run is not None and _is_blind(run, data.processor):
        message = (
            f"channel {channel}: processor {data.processor} of {path} has left out data in the "
            "signal windows, so there is nothing to observe: run it again with blind=false"
        )
        raise InputError(message, code="limits.data-are-blind",
                         path=f"channels.{channel}.data.results")  # fmt: skip
    if data.column is not None:
        masses, warning = _masses(channel, data, path)
        masses = masses[(masses >= limits[0]) & (masses <= limits[1])]
        return ResultsRead(masses, (*warnings, *warning))
    edges, counts, warning = _bins(channel, data, limits, path)
    return ResultsRead((edges, counts), (*warnings, *warning))


def _masses(channel: str, data: ResultsData, path: Path) -> tuple[Array, list[str]]:
    from tau3mu.fit.data.results import read_candidates
    from tau3mu.fit.expressions import ExpressionError, parse_cut

    assert data.column is not None
    try:
        cut = None if data.cut is None else parse_cut(data.cut)
    except ExpressionError as error:
        raise InputError(
            str(error), code="limits.wrong-cut", path=f"channels.{channel}.data.cut"
        ) from error
    try:
        source = read_candidates(path, data.column, None, cut, data.processor, data.era)
    except InputError as error:
        if error.code != "fit.nothing-passes":
            raise
        # A tight category may be empty.
        return np.empty(0), [f"channel {channel}: no candidate passes the cut {data.cut!r}"]
    values, weights = cast("tuple[Array, Array | None]", source.data)
    if weights is not None and not np.all(weights == 1):
        raise _weighted(channel, path)
    return np.asarray(values, np.float64), _warnings(channel, source)


def _bins(
    channel: str, data: ResultsData, limits: Interval, path: Path
) -> tuple[Array, Array, list[str]]:
    from tau3mu.fit.data.results import read_spectrum

    assert data.histogram is not None
    source = read_spectrum(path, data.histogram, data.processor, data.era)
    histogram = cast("Hist[Any]", source.data)
    edges = np.asarray(histogram.axes[0].edges, np.float64)
    inside = (edges[:-1] >= limits[0] - 1e-9) & (edges[1:] <= limits[1] + 1e-9)
    kept = edges[np.append(inside, False) | np.append(False, inside)]
    if not inside.any() or abs(kept[0] - limits[0]) > 1e-9 or abs(kept[-1] - limits[1]) > 1e-9:
        message = (
            f"the bins of histogram {data.histogram} of {path} have no edges at the range "
            f"{limits[0]:g} to {limits[1]:g} GeV of channel {channel}"
        )
        raise InputError(message, code="limits.out-of-range", path=f"channels.{channel}.range")
    counts = np.asarray(histogram.values(), np.float64)
    variances = histogram.variances()
    if variances is not None and not np.allclose(variances, counts):
        raise _weighted(channel, path)
    return kept, counts[inside], _warnings(channel, source)


def _warnings(channel: str, source: Source) -> list[str]:
    found = [source.warning] if source.warning else []
    if source.simulation:
        found.append("these are simulated events, taken as data")
    return [f"channel {channel}: {one}" for one in found]


def _weighted(channel: str, path: Path) -> InputError:
    message = (
        f"channel {channel}: the events of {path} have weights, as those of simulation: observed "
        "events count one each"
    )
    return InputError(message, code="limits.weighted-data", path=f"channels.{channel}.data.results")


def _manifest(path: Path) -> Manifest | None:
    from tau3mu.results.manifest import read_manifest
    from tau3mu.storage.names import RUN

    resolved = path.resolve()
    for folder in (resolved, resolved.parent, resolved.parent.parent):
        if (folder / RUN).is_file():
            return read_manifest(folder / RUN)
    return None


def _is_blind(run: Manifest, processor: str) -> bool:
    """Returns whether a processor of a run was told to leave out the signal."""
    of_processors = run.configuration.get("processors")
    known = of_processors.get(processor) if isinstance(of_processors, dict) else None
    parameters = known.get("parameters") if isinstance(known, dict) else None
    return isinstance(parameters, dict) and parameters.get("blind") is True

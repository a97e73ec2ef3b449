"""From a model to limits."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.limits.asymptotic import asymptotic_limits
from tau3mu.limits.compiled import chosen_channels, compiled
from tau3mu.limits.injection import injected
from tau3mu.limits.language.files import load_model
from tau3mu.limits.language.model import Counting, LimitModel, Spectrum
from tau3mu.limits.language.parts import CountData, ResultsData
from tau3mu.limits.observations import observe
from tau3mu.limits.result import LimitResult
from tau3mu.limits.toys import check_toys, toy_limits
from tau3mu.limits.unblinding import unblinding
from tau3mu.results.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from distributed import Client

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.observations import Observation

    Array = npt.NDArray[np.float64]

__all__ = ["check_level", "few_events", "limit", "prepared"]

_FEW: Final = 3.0
"""Background events under a peak below which asymptotic formulas are not right to a few percent."""
_SHARE: Final = 0.2


def prepared(
    model: LimitModel | str | Path,
    *,
    channels: Sequence[str] = (),
    observed: bool = False,
    inject: float | None = None,
    seed: int | None = None,
) -> tuple[Compiled, str, dict[str, Any] | None]:
    """Returns a model with its data as numbers, a hash of both, and who unblinded them.

    Args:
        model: The model or its file.
        channels: Names or patterns of channels; all by default.
        observed: Whether data in the signal windows are read.
        inject: The strength of a signal, with which data are made in place of the observed ones.
        seed: Of random data with that signal; by default they are what is expected.

    Raises:
        InputError: The model or its data cannot be read.
    """
    if observed and inject is not None:
        message = "data with an injected signal take the place of the observed ones: choose one"
        raise InputError(message, code="limits.two-data", path="inject")
    if seed is not None and seed < 0:
        message = f"expected a seed of 0 or more, got {seed}"
        raise InputError(message, code="limits.wrong-seed", path="seed")
    file = None if isinstance(model, LimitModel) else user_path(model).absolute()
    folder = file.parent if file else Path()
    whole = model if isinstance(model, LimitModel) else load_model(model)
    chosen = _located(chosen_channels(whole, channels), folder)
    unblinded = _unblinded(chosen, file) if observed else None
    found = {
        name: observe(name, one, observed=observed, folder=folder)
        for name, one in chosen.channels.items()
        if isinstance(one, Spectrum)
    }
    numbers = compiled(chosen, found, observed=observed)
    if inject is not None:
        numbers = injected(numbers, inject, seed)
    return numbers, _hash(chosen, found), unblinded


def limit(
    model: LimitModel | str | Path,
    *,
    cl: float = 0.9,
    channels: Sequence[str] = (),
    observed: bool = False,
    inject: float | None = None,
    toys: int = 0,
    toys_error: float | None = None,
    seed: int | None = None,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> LimitResult:
    """Returns upper limits of the signal strength: expected, and observed if that is asked for.

    Args:
        model: The model, or a file of it.
        cl: The confidence level.
        channels: Names or patterns of channels; all by default.
        observed: Whether data in the signal windows are read.
        inject: The strength of a signal, with which data are made in place of the observed ones.
        toys: With and without signal, for each of five tested values of r; 0 for none.
        toys_error: More are made until the statistical error of the median, over it, is below.
        seed: Of the toys, 1 by default; with `inject`, data are a random experiment of it.
        workers: Processes for toys.
        client: Of a Dask cluster that makes the toys.
        progress: Is called with the number of further toys that are done, and that of all.

    Raises:
        InputError: The model or its data cannot be read, or no signal can be excluded.
        RunError: A fit does not converge, or a worker died.
    """
    check_level(cl)
    if toys:
        check_toys(toys)
    if toys_error is not None and not (toys and 0 < toys_error < 1):
        message = (
            "expected --toys-error between 0 and 1 with a number of --toys to begin with, such as "
            "--toys 500 --toys-error 0.01"
        )
        raise InputError(message, code="limits.wrong-toys-error", path="toys_error")
    started = datetime.now(timezone.utc)
    numbers, digest, unblinded = prepared(
        model, channels=channels, observed=observed, inject=inject, seed=seed
    )
    asymptotic = asymptotic_limits(numbers, cl)
    by_toys = None
    if toys:
        by_toys = toy_limits(numbers, asymptotic, toys, error=toys_error,
                             seed=1 if seed is None else seed, workers=workers,
                             client=client, progress=progress)  # fmt: skip
    warnings = list(_few_events(numbers, asymptotic.expected[0])) if not toys else []
    warnings += _of_data(numbers, observed=observed)
    if by_toys and by_toys.failures:
        warnings.append(f"{by_toys.failures} fits of toys have not converged; they count nowhere")
    if by_toys and by_toys.stop is not None and not by_toys.relative_error <= by_toys.stop:
        warnings.append(
            f"the statistical error of the median is {100 * by_toys.relative_error:.2g} % after "
            f"{by_toys.toys} toys, not {100 * by_toys.stop:g} %: start with more"
        )
    return LimitResult(
        numbers, asymptotic, by_toys, digest, tuple(warnings), unblinded,
        provenance(started=started),
    )  # fmt: skip


def check_level(cl: float) -> None:
    """Checks a confidence level.

    Args:
        cl: The level.

    Raises:
        InputError: It is not between 0 and 1.
    """
    if not 0 < cl < 1:
        message = f"expected a confidence level between 0 and 1, such as 0.9, got {cl:g}"
        raise InputError(message, code="limits.wrong-level", path="cl")


def _hash(model: LimitModel, found: Mapping[str, Observation | None]) -> str:
    data = {
        name: None if one is None else [
            None if part is None else np.asarray(part, np.float64).tolist()
            for part in (one.masses, one.edges, one.counts, one.total)
        ]
        for name, one in found.items()
    }  # fmt: skip
    dumped = model.model_dump(mode="json")
    for one in dumped["channels"].values():  # the same data elsewhere are the same
        (one.get("data") or {}).pop("results", None)
    content = [dumped, data]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _unblinded(model: LimitModel, file: Path | None) -> dict[str, Any]:
    windows = _windows(model)
    if not windows:
        message = (
            "there are no data to observe: no channel has masses, bins, results or entries; a bare "
            "number of events says nothing of a peak"
        )
        raise InputError(message, code="limits.no-data", path="channels")
    return unblinding(windows, file)


def _windows(model: LimitModel) -> dict[str, list[list[float]]]:
    """Returns the signal windows of channels with data that blind limits do not read."""
    return {
        name: [list(window) for window in one.windows] if isinstance(one, Spectrum) else []
        for name, one in model.channels.items()
        if (isinstance(one, Spectrum) and one.data and not isinstance(one.data, CountData)) or (
            isinstance(one, Counting) and one.observed is not None)
    }  # fmt: skip


def _located(model: LimitModel, folder: Path) -> LimitModel:
    """Returns the model with absolute paths, so that it can be used from another folder."""
    channels = dict(model.channels)
    for name, one in channels.items():
        if isinstance(one, Spectrum) and isinstance(one.data, ResultsData):
            path = str((folder / user_path(one.data.results)).absolute())
            data = one.data.model_copy(update={"results": path})
            channels[name] = one.model_copy(update={"data": data})
    return model.model_copy(update={"channels": channels})


def _of_data(numbers: Compiled, *, observed: bool) -> list[str]:
    """Returns what is odd about the data of channels."""
    found = [text for one in numbers.found.values() if one is not None for text in one.warnings]
    unread = [
        name
        for name, one in numbers.model.channels.items()
        if not observed and isinstance(one, Spectrum) and one.data is not None
        and numbers.found.get(name) is None
    ]  # fmt: skip
    if unread:
        found.append(
            f"data without windows are not read while blind ({_listed(unread)}): the background is "
            "that of the model"
        )
    without = [name for name in numbers.model.channels if name not in _windows(numbers.model)]
    if observed and without:
        found.append(
            f"there are no data to observe in {_listed(without)}: what the background gives on "
            "average takes their place"
        )
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _few_events(numbers: Compiled, r: float) -> list[str]:
    """Returns a warning if channels of few events carry much of the sensitivity."""
    like = numbers.likelihood
    sets = like.start[None].copy()
    sets[:, 0] = r
    signal: list[float] = []
    background: list[float] = []
    if like.spectra:
        assert numbers.grid is not None
        parts = like.spectra.parts(numbers.grid, sets[:, 0], like.theta(sets), like.locals(sets))
        for number in range(like.n_spectra):
            here = numbers.grid.channel == number
            s, b = parts[0][0][here], parts[1][0][here]
            under = s > 0.1 * s.max()
            signal.append(float(s[under].sum()))
            background.append(float(b[under].sum()))
    if like.templates:
        with_signal = like.templates.expected(sets[:, : like.n_globals])[0]
        sets[:, 0] = 0
        alone = like.templates.expected(sets[:, : like.n_globals])[0]
        channel = np.repeat(np.arange(len(like.templates.bins)), like.templates.bins)
        signal += np.bincount(channel, with_signal - alone).tolist()
        background += np.bincount(channel, alone).tolist()
    return few_events(like.names, np.array(signal), np.array(background))


def few_events(names: Sequence[str], s: Array, b: Array) -> list[str]:
    """Returns a warning if channels of few events carry much of the sensitivity.

    Args:
        names: Of the channels.
        s: Signal of each at the limit, under the peak.
        b: Background of each there.
    """
    weight = s**2 / np.maximum(s + b, 1e-12)
    few = b < _FEW
    share = float(weight[few].sum() / weight.sum()) if weight.sum() > 0 else 0.0
    if share < _SHARE:
        return []
    bare = [name for name, one in zip(names, few, strict=True) if one]
    message = (
        f"{100 * share:.0f} % of the sensitivity comes from channels with fewer than {_FEW:g} "
        f"background events under the peak ({_listed(bare)}): asymptotic limits may be off by "
        "10 %; use toys"
    )
    return [message]

"""All diagnostics of a model with its data, or with what may be seen of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.errors import InputError
from tau3mu.limits.asymptotic import asymptotic_limits
from tau3mu.limits.diagnostics.cells import cells_of
from tau3mu.limits.diagnostics.fitted import fitted, parameter_names
from tau3mu.limits.diagnostics.goodness import goodness_of
from tau3mu.limits.diagnostics.impacts import impacts_of
from tau3mu.limits.diagnostics.postfit import postfit_of, sideband_fit
from tau3mu.limits.diagnostics.scanning import scan_of
from tau3mu.limits.injection import injected
from tau3mu.limits.limiting import prepared
from tau3mu.results.provenance import provenance
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from distributed import Client

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.diagnostics.cells import Cells
    from tau3mu.limits.diagnostics.fitted import Fitted
    from tau3mu.limits.diagnostics.goodness import Goodness
    from tau3mu.limits.diagnostics.impacts import Impacts
    from tau3mu.limits.diagnostics.postfit import PostFit
    from tau3mu.limits.diagnostics.scanning import LikelihoodScan
    from tau3mu.limits.language.model import LimitModel

__all__ = ["FILE", "Diagnosis", "diagnose", "goodness_of_fit", "impacts"]

FILE: Final = "diagnostics.json"
_CL: Final = 0.9  # of the expected limit, whose signal blind data have


@dataclass(frozen=True)
class Diagnosis:
    """Impacts, scan, goodness of fit and spectra of a fit.

    Attributes:
        fit: To the data; while blind, to Asimov data with a signal.
        impacts: Of all nuisances in that fit.
        scan: Of its r.
        shown: The fit of the spectra: the same or, while blind, that to the sidebands.
        goodness: Of that fit; None where no channel has data that may be read.
        spectra: All channels after that fit.
        data: What was fitted, in words.
        seen: What the spectra and the goodness of fit are of, in words.
        hash: Of the model and the data that were read.
        unblinded: Who read the signal windows, if anybody did.
        provenance: How it was made.
    """

    fit: Fitted
    impacts: Impacts
    scan: LikelihoodScan
    shown: Fitted
    goodness: Goodness | None
    spectra: tuple[PostFit, ...]
    data: str
    seen: str
    hash: str
    unblinded: dict[str, Any] | None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def blind(self) -> bool:
        """Whether no observed data in signal windows were read."""
        return self.unblinded is None

    def to_dict(self) -> dict[str, Any]:
        """Returns the content of `diagnostics.json`."""
        compiled = self.fit.compiled
        return {
            "schema_version": 1,
            "title": compiled.model.title,
            "strength": compiled.model.strength.model_dump(),
            "channels": list(compiled.likelihood.names),
            "data": self.data,
            "seen": self.seen,
            "injected": None if compiled.injected is None else dict(compiled.injected),
            "impacts": self.impacts.to_dict(),
            "scan": self.scan.to_dict(),
            "parameters": {
                "names": parameter_names(compiled.likelihood),
                "values": self.fit.parameters.tolist(),
                "errors": self.fit.errors.tolist(),
                "correlation": np.round(self.fit.correlation(), 5).tolist(),
            },
            "goodness_of_fit": self.goodness and self.goodness.to_dict(),
            "post_fit": {one.name: one.to_dict() for one in self.spectra},
            "unblinded": self.unblinded,
            "hash": self.hash,
            **self.provenance,
        }

    def save(self, folder: Path) -> None:
        """Writes `diagnostics.json`.

        Args:
            folder: That exists.

        Raises:
            RunError: It cannot be written.
        """
        write_text(folder / FILE, json_text(self.to_dict()))


def diagnose(
    model: LimitModel | str | Path,
    *,
    channels: Sequence[str] = (),
    observed: bool = False,
    inject: float | None = None,
    r: float | None = None,
    toys: int = 0,
    seed: int | None = None,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Diagnosis:
    """Returns the diagnostics of a model with its data.

    While blind, impacts, scan and correlations are those of Asimov data with the signal of the
    expected limit at 90 %; goodness of fit and spectra are those of the sidebands.

    Args:
        model: The model, or a file of it.
        channels: Names or patterns of channels; all by default.
        observed: Whether data in the signal windows are read.
        inject: The strength of a signal, with which data are made in place of the observed ones.
        r: A value at which r is fixed in spectra and goodness of fit; it is fitted by default, and
            0 in sidebands.
        toys: For the p value of the goodness of fit; 0 for none.
        seed: Of the toys, 1 by default; with `inject`, data are a random experiment of it.
        workers: Processes for toys.
        client: Of a Dask cluster that makes the toys.
        progress: Is called with the number of further toys that are done, and that of all.

    Raises:
        InputError: The model or its data cannot be read, or there are too few toys.
        RunError: A fit does not converge, or a worker died.
    """
    started = datetime.now(timezone.utc)
    numbers, digest, unblinded = prepared(
        model, channels=channels, observed=observed, inject=inject, seed=seed
    )
    cells, shown = _shown(numbers, r)
    fit = shown if r is None and numbers.observed is not None else _fit(numbers)
    goodness = _goodness(
        shown, cells, toys=toys, seed=1 if seed is None else seed, workers=workers, client=client,
        progress=progress,
    )  # fmt: skip
    made = fit.compiled.injected
    example = float(made["r"]) if made is not None and numbers.observed is None else 0.0
    return Diagnosis(
        fit, impacts_of(fit), scan_of(fit), shown, goodness, postfit_of(shown, cells, example),
        _words(fit.compiled), _seen(numbers, cells), digest, unblinded,
        provenance(started=started),
    )  # fmt: skip


def impacts(
    model: LimitModel | str | Path,
    *,
    channels: Sequence[str] = (),
    observed: bool = False,
    inject: float | None = None,
    seed: int | None = None,
) -> Impacts:
    """Returns the impacts of all nuisances, as `diagnose` does.

    Args:
        model: The model, or a file of it.
        channels: Names or patterns of channels; all by default.
        observed: Whether data in the signal windows are read.
        inject: The strength of a signal, with which data are made in place of the observed ones.
        seed: Of random data with that signal; by default they are what is expected.

    Raises:
        InputError: The model or its data cannot be read.
        RunError: A fit does not converge.
    """
    numbers, _, _ = prepared(model, channels=channels, observed=observed, inject=inject, seed=seed)
    return impacts_of(_fit(numbers))


def goodness_of_fit(
    model: LimitModel | str | Path,
    *,
    channels: Sequence[str] = (),
    observed: bool = False,
    inject: float | None = None,
    r: float | None = None,
    toys: int = 0,
    seed: int | None = None,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Goodness | None:
    """Returns the goodness of fit, as `diagnose` does; None if no data may be read.

    Args:
        model: The model, or a file of it.
        channels: Names or patterns of channels; all by default.
        observed: Whether data in the signal windows are read; without it, those of the sidebands.
        inject: The strength of a signal, with which data are made in place of the observed ones.
        r: A value at which r is fixed; it is fitted by default, and 0 in sidebands.
        toys: For the p value; 0 for none.
        seed: Of the toys, 1 by default; with `inject`, data are a random experiment of it.
        workers: Processes for toys.
        client: Of a Dask cluster that makes the toys.
        progress: Is called with the number of further toys that are done, and that of all.

    Raises:
        InputError: The model or its data cannot be read, or there are too few toys.
        RunError: A fit does not converge, or a worker died.
    """
    numbers, _, _ = prepared(model, channels=channels, observed=observed, inject=inject, seed=seed)
    cells, shown = _shown(numbers, r)
    return _goodness(
        shown, cells, toys=toys, seed=1 if seed is None else seed, workers=workers, client=client,
        progress=progress,
    )  # fmt: skip


def _fit(numbers: Compiled) -> Fitted:
    """Returns the fit to the data; while blind, to those with the signal of the expected limit."""
    if numbers.observed is None:
        numbers = injected(numbers, asymptotic_limits(numbers, _CL).expected[0])
    assert numbers.observed is not None
    return fitted(numbers, numbers.observed)


def _shown(numbers: Compiled, r: float | None) -> tuple[Cells, Fitted]:
    """Returns the data that may be seen, and the fit to them."""
    if numbers.observed is not None:
        shown = fitted(numbers, numbers.observed, r)
        return cells_of(numbers, shown.parameters), shown
    if r is not None:
        message = "r is 0 in fits to the sidebands: it can be fixed with observed or injected data"
        raise InputError(message, code="limits.blind-strength", path="r")
    cells = cells_of(numbers, numbers.likelihood.start)
    return cells, sideband_fit(numbers, cells)


def _goodness(shown: Fitted, cells: Cells, **how: Any) -> Goodness | None:
    if not cells.measured:
        return None
    like = shown.compiled.likelihood
    fixed = np.zeros(like.size, bool)
    fixed[0] = shown.fixed
    if cells.sidebands:
        fixed[: like.n_globals] = True
    return goodness_of(shown.compiled, cells, shown.parameters, fixed=fixed, low=shown.low, **how)


def _words(compiled: Compiled) -> str:
    """Returns what was fitted."""
    made = compiled.injected
    if made is None:
        return "observed data"
    if made["seed"] is None:
        return f"Asimov data with r = {made['r']:.4g}"
    return f"a random experiment with r = {made['r']:.4g}, seed {made['seed']}"


def _seen(numbers: Compiled, cells: Cells) -> str:
    if numbers.observed is not None:
        return _words(numbers)
    if cells.measured:
        return "data in the sidebands"
    return "no data: none may be read without unblinding"

"""From a fit file to limits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.fit.data import Binned
from tau3mu.fit.data.prepare import prepare, resolve, sources
from tau3mu.fit.language import FitModel, load_model
from tau3mu.fit.likelihood import Objective, expected
from tau3mu.fit.likelihood.dry_run import dry_run
from tau3mu.limits.asymptotic import limits_of
from tau3mu.limits.fits.checks import check_poi
from tau3mu.limits.fits.likelihood import FitLikelihood, asimov, at_zero, measured_at, opened
from tau3mu.limits.language.model import Strength
from tau3mu.limits.limiting import check_level, few_events
from tau3mu.limits.result import LimitResult
from tau3mu.limits.unblinding import unblinding
from tau3mu.results.provenance import provenance
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tau3mu.fit.data.prepare import Data

__all__ = ["FitLimitResult", "FittedModel", "fit_limit"]


@dataclass(frozen=True)
class FittedModel:
    """A fit with its data.

    Attributes:
        model: The fit file.
        poi: The parameter of interest, r.
        background: Values of all parameters in the best fit without signal.
        expected: The likelihood of Asimov data without signal.
        observed: That of the data with their signal windows; None while blind.
        injected: Nothing is.
    """

    model: FitModel
    poi: str
    background: Mapping[str, float]
    expected: FitLikelihood
    observed: FitLikelihood | None
    injected: None = None


@dataclass(frozen=True)
class FitLimitResult(LimitResult):
    """Expected and observed upper limits of a parameter of a fit file, called r.

    Attributes:
        compiled: The fit with its data.
    """

    compiled: FittedModel  # type: ignore[assignment]

    @property
    def strength(self) -> Strength:
        """What r stands for."""
        return Strength(unit=f"{self.compiled.poi} = 1", label=self.compiled.poi)

    def described(self) -> dict[str, Any]:
        """Returns what `limits.json` says of the model."""
        model = self.compiled.model
        return {
            "title": model.title,
            "fit": model.name,
            "poi": self.compiled.poi,
            "strength": self.strength.model_dump(),
            "channels": list(model.parts),
        }

    @property
    def background(self) -> dict[str, str]:
        """Where the background of the expected limits comes from, by spectrum."""
        where = "all data" if self.compiled.observed else "sidebands"
        return dict.fromkeys(self.compiled.model.parts, where)

    def save_model(self, folder: Path) -> None:
        """Writes `model.json`, the fit file.

        Args:
            folder: That exists.
        """
        write_text(folder / "model.json", json_text(self.compiled.model.to_dict()))


def fit_limit(
    model: FitModel | str | Path,
    poi: str,
    data: Data | None = None,
    *,
    histogram: str | None = None,
    cl: float = 0.9,
    observed: bool = False,
) -> FitLimitResult:
    """Returns upper limits of a parameter of a fit: expected, and observed if that is asked for.

    Without `observed`, what lies in the windows `blind` of the fit is dropped where data are read,
    and the background is that of the fit to the rest.

    Args:
        model: A `FitModel`, the name of a shipped fit, or a file.
        poi: The parameter of interest: a yield, or a parameter from which yields follow. Zero is
            background alone.
        data: As in `tau3mu.fit.fit`: by default, what the inputs of the model name.
        histogram: Which one of a file, in place of the one that the model names.
        cl: The confidence level.
        observed: Whether data in the windows are read.

    Raises:
        InputError: The model, the parameter or the data are not fit for a limit.
        RunError: A fit does not converge.
    """
    check_level(cl)
    started = datetime.now(timezone.utc)
    fitted, digest, unblinded = _prepared(model, poi, data, histogram, observed=observed)
    expected_profile, _ = fitted.expected.profile(fitted.background, free=False)
    seen, best = None, None
    if fitted.observed is not None:
        seen, best = fitted.observed.profile(fitted.background, free=True)
    limits = replace(limits_of(cl, fitted.expected.guess, expected_profile, seen), best=best)
    warnings = _few(fitted, limits.expected[0])
    return FitLimitResult(
        fitted, limits, None, digest, tuple(warnings), unblinded, provenance(started=started)
    )


def _prepared(
    model: FitModel | str | Path, poi: str, data: Data | None, histogram: str | None,
    *, observed: bool,
) -> tuple[FittedModel, str, dict[str, Any] | None]:  # fmt: skip
    """Returns the likelihoods, a hash of the model and data, and who has unblinded them."""
    file = None if isinstance(model, FitModel) else user_path(model).absolute()
    whole = resolve(model if isinstance(model, FitModel) else load_model(model))
    check_poi(whole, poi)
    open_model, windows = opened(whole)
    if not observed and (seen := [name for name, blind in windows.items() if not blind]):
        at = "blind" if whole.spectra is None else f"spectra.{seen[0]}.blind"
        message = (
            f"fit {whole.name}: {at}: missing key, so all data would be read: give the windows of "
            "the signal, or read them with --observed"
        )
        raise InputError(message, code="limits.not-blind", path=at)
    dry_run(whole)
    # A shipped fit has no file of the user beside which there could be a record.
    beside = file if file is not None and file.is_file() else None
    seen_windows = {name: [list(one) for one in blind] for name, blind in windows.items()}
    record = unblinding(seen_windows, beside) if observed else None
    used = open_model if observed else whole
    samples = prepare(used, sources(used, data, histogram))
    if weighted := [name for name, one in samples.items() if one.weighted]:
        message = (
            f"fit {whole.name}: the data of {weighted[0]} have weights, so they are no counts, and "
            "the likelihood has no known distribution: limits need entries without weights"
        )
        raise InputError(message, code="limits.weighted-data", path=weighted[0])
    background = at_zero(used, samples, poi)
    toy = Objective(measured_at(open_model, background), asimov(open_model, samples, background))
    toy.limits = Objective(open_model, samples).limits
    fitted = FittedModel(
        whole, poi, background, FitLikelihood(toy, poi),
        FitLikelihood(Objective(used, samples), poi) if observed else None,
    )  # fmt: skip
    digest = hashlib.sha256(
        " ".join([whole.hash, *(one.hash for one in samples.values())]).encode()
    ).hexdigest()
    return fitted, digest, record


def _few(fitted: FittedModel, r: float) -> list[str]:
    """Returns a warning if spectra of few events carry much of the sensitivity."""
    objective = fitted.expected.objective
    free = {name: fitted.background[name] for name in objective.parameters.free}
    with_signal = objective.parameters.complete(free | {fitted.poi: r})
    signal, background = [], []
    for name, sample in objective.data.items():
        assert isinstance(sample, Binned)  # as Asimov data are
        alone, both = (
            expected(objective.model, name, at, sample.edges).sum(axis=0)[sample.used]
            for at in (fitted.background, with_signal)
        )
        added = both - alone
        under = added > 0.1 * added.max()
        signal.append(float(added[under].sum()))
        background.append(float(alone[under].sum()))
    return few_events(list(objective.data), np.array(signal), np.array(background))

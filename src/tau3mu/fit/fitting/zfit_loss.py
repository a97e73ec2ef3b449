"""The loss of a fit in zfit, for what zfit and hepstats make of one: limits and discoveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.fit.data.prepare import prepare, resolve
from tau3mu.fit.fitting.search import in_bins, search
from tau3mu.fit.language import FitModel, load_model
from tau3mu.fit.likelihood import Objective
from tau3mu.fit.likelihood.dry_run import dry_run

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.fit.data.prepare import Data

__all__ = ["zfit_loss"]


def zfit_loss(model: FitModel | str | Path, data: Data | None = None) -> Any:
    """Returns the loss of a model for data as a loss of zfit, with its constraints.

    Its parameters have the limits of the model and stand at the minimum that the search has found.
    It differs from `FitResult.nll` by a constant, and is half of χ² where that is minimized. An
    upper limit:

        loss = zfit_loss("my_search", histogram)
        signal = next(p for p in loss.get_params() if p.name == "nSignal")
        calculator = AsymptoticCalculator(loss, zfit.minimize.Minuit(tol=1e-5))
        UpperLimit(calculator, POIarray(signal, np.linspace(0, 20, 15)), POI(signal, 0))

    Args:
        model: As in `fit`: a `FitModel`, the name of a shipped fit, or a file.
        data: As in `fit`.

    Raises:
        InputError: The data do not fit the model, or there is nothing to fit.
        RunError: The likelihood is a number nowhere.
    """
    model = resolve(model if isinstance(model, FitModel) else load_model(model))
    dry_run(model)
    samples = prepare(model, data)
    objective = Objective(model, samples)
    values = search(in_bins(objective))[0].values
    from tau3mu.fit.likelihood.zfit_losses import build_loss, build_parameters

    parameters = build_parameters(objective.parameters)
    for name in objective.parameters.free:
        # The limits come first, since graphs keep those that they are compiled with.
        parameters[name].lower, parameters[name].upper = objective.limits[name]
        parameters[name].set_value(values[name])
    return build_loss(model, samples, parameters)

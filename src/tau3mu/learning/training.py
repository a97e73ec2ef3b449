"""The training of boosted trees, fold by fold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.discriminant import FEATURES, Discriminant
from tau3mu.errors import InputError
from tau3mu.learning.checks import checks_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.learning.sample import Sample

__all__ = ["PARAMETERS", "Training", "train"]

PARAMETERS: Final = {
    "objective": "binary:logistic",
    "max_depth": 1,
    "eta": 0.2,
    "subsample": 0.7,
    "colsample_bytree": 0.8,
    "min_child_weight": 5.0,
    "lambda": 2.0,
    "tree_method": "hist",
}
"""Of XGBoost. Each tree is one cut; deeper ones learn fluctuations of a few thousand candidates."""
_FEWEST: Final = 50  # candidates of signal and of background in the training of a fold


@dataclass(frozen=True)
class Training:
    """A trained discriminant with the scores of the candidates that it was trained with.

    Attributes:
        discriminant: The discriminant.
        sample: The candidates.
        tested: Scores by the trees that have not seen the event.
        trained: Mean scores by the trees that have.
    """

    discriminant: Discriminant
    sample: Sample
    tested: npt.NDArray[np.float64]
    trained: npt.NDArray[np.float64]


def train(sample: Sample, *, trees: int = 200, folds: int = 5, seed: int = 1) -> Training:
    """Returns a discriminant that was trained on all folds but one, for each of the folds.

    Signal and background get equal total weight. Equal arguments give equal trees. Negative
    weights of a generator count as positive ones here, since trees cannot learn from them; in
    checks and results they count as they are.

    Args:
        sample: The candidates.
        trees: How many trees there are for each fold.
        folds: How many folds the sample has.
        seed: Of what XGBoost draws.

    Raises:
        InputError: XGBoost is not installed, there are too few candidates, or the weights of
            signal do not add up to more than 0.
    """
    xgboost = _xgboost()
    names = [one.name for one in FEATURES]
    weight = _training_weight(sample)
    models: list[dict[str, Any]] = []
    for fold in range(folds):
        here = sample.fold != fold
        for kind, of_kind in (("signal", sample.signal), ("background", ~sample.signal)):
            if (number := int((here & of_kind).sum())) < _FEWEST:
                message = (
                    f"only {number} candidates of {kind} for the training of fold {fold}, "
                    f"expected at least {_FEWEST}: use more data or simulation, more folds or "
                    "looser cuts"
                )
                raise InputError(message, code="learning.few-candidates", path=f"folds.{fold}")
        data = xgboost.DMatrix(sample.matrix[here], sample.signal[here], weight=weight[here],
                               feature_names=names)  # fmt: skip
        # Threads would add up gradients in another order, and give other trees.
        options = {**PARAMETERS, "seed": seed + fold, "nthread": 1}
        booster = xgboost.train(options, data, trees)
        models.append(json.loads(bytes(booster.save_raw("json"))))
    bare = Discriminant(FEATURES, sample.selection, {}, models)
    by_all = np.array([one.scores(sample.matrix) for one in bare.trees])
    own = np.arange(folds)[:, np.newaxis] == sample.fold
    tested = by_all[sample.fold, np.arange(len(sample.fold))]
    trained = np.where(own, 0, by_all).sum(axis=0) / (folds - 1)
    record = {
        "parameters": PARAMETERS,
        "trees": trees,
        "seed": seed,
        "candidates": {
            "signal": int(sample.signal.sum()),
            "background": int((~sample.signal).sum()),
        },
        "xgboost": str(xgboost.__version__),
        "checks": checks_of(sample, tested, trained),
    }
    selection = json.loads(json.dumps(dict(sample.selection)))
    discriminant = Discriminant(FEATURES, selection, json.loads(json.dumps(record)), models)
    return Training(discriminant, sample, tested, trained)


def _training_weight(sample: Sample) -> npt.NDArray[np.float64]:
    total = float(sample.weight[sample.signal].sum())
    if not 0 < total < np.inf:
        message = (
            f"the weights of simulated signal add up to {total:g}, expected more than 0: look at "
            "the weights of the generator and at those of the datasets"
        )
        raise InputError(message, code="learning.no-weight", path="weight")
    weight = np.abs(sample.weight)
    weight[sample.signal] *= (~sample.signal).sum() / weight[sample.signal].sum()
    return weight


def _xgboost() -> Any:
    try:
        import xgboost
    except ImportError as error:
        message = "training needs XGBoost: pip install 'tau3mu[search]'"
        raise InputError(message, code="learning.no-xgboost", path="xgboost") from error
    return xgboost

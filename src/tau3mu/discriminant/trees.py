"""Boosted trees of XGBoost's JSON format, evaluated with NumPy.

Workers score a few candidates per chunk: that needs no library of 20 MB.
Format: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["Trees", "trees_of"]


@dataclass(frozen=True)
class Trees:
    """Boosted trees; their nodes one tree after the other.

    Attributes:
        names: The features, in the order of their numbers.
        roots: The first node of each tree.
        feature: The feature of each split.
        threshold: Values below go to the left.
        left: The node to the left; of a leaf, itself.
        right: The node to the right; of a leaf, itself.
        missing_left: Whether a missing value goes to the left.
        value: Of leaves, 0 of splits.
        depth: The largest number of splits on a way to a leaf.
        base: The score without trees, before the logistic function.
    """

    names: tuple[str, ...]
    roots: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    missing_left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float32]
    depth: int
    base: float

    def scores(self, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Returns scores from 0 to 1.

        Args:
            matrix: Candidates × features.
        """
        rows = np.arange(len(matrix))[:, np.newaxis]
        node = np.repeat(self.roots[np.newaxis], len(matrix), axis=0)
        for _ in range(self.depth):
            here = matrix[rows, self.feature[node]]
            to_left = np.where(np.isnan(here), self.missing_left[node],
                               here < self.threshold[node])  # fmt: skip
            node = np.where(to_left, self.left[node], self.right[node])
        margin = self.base + self.value[node].sum(axis=1, dtype=np.float64)
        return np.asarray(1 / (1 + np.exp(-margin)))


def trees_of(model: Mapping[str, Any], path: str) -> Trees:
    """Returns the trees of a model.

    Args:
        model: The content of XGBoost's JSON.
        path: Where it stands, for messages.

    Raises:
        InputError: It is not what XGBoost writes of a binary classifier.
    """
    try:
        learner = model["learner"]
        _check(learner["objective"]["name"] == "binary:logistic", "another objective")
        # Newer versions write a list of one number per target.
        base = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
        trees = [_tree(one) for one in learner["gradient_booster"]["model"]["trees"]]
        names = tuple(map(str, learner["feature_names"]))
        first = np.cumsum([0, *(len(one["left"]) for one in trees)])[:-1]
        for one, start in zip(trees, first, strict=True):
            one["left"] += start
            one["right"] += start
        joined = {key: np.concatenate([one[key] for one in trees]) for key in trees[0]}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        message = f"{path} is no binary classifier in XGBoost's JSON format: {error!r}"
        raise InputError(message, code="discriminant.wrong-model", path=path) from error
    depth = int(joined.pop("depth").max())
    return Trees(names, first, **joined, depth=depth, base=float(np.log(base / (1 - base))))


def _check(good: Any, what: str) -> None:
    if not good:
        raise ValueError(what)


def _tree(tree: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    left, right = (np.array(tree[f"{side}_children"], np.int64) for side in ("left", "right"))
    leaf = left == -1
    condition = np.array(tree["split_conditions"], np.float32)
    feature = np.array(tree["split_indices"], np.int64)
    itself = np.arange(len(left))
    size = len(left)
    _check((np.maximum(left, right) < size).all() and len(feature) == size, "another length")
    depth, level, deepest = np.zeros(1, np.int64), np.zeros(1, np.int64), 0
    while len(level := level[~leaf[level]]):
        level, deepest = np.concatenate([left[level], right[level]]), deepest + 1
        _check(deepest <= size, "a circle")
    depth[0] = deepest
    return {
        "feature": np.where(leaf, 0, feature),
        "threshold": condition,
        "left": np.where(leaf, itself, left),
        "right": np.where(leaf, itself, right),
        "missing_left": np.array(tree["default_left"], np.bool_),
        "value": np.where(leaf, condition, 0).astype(np.float32),
        "depth": depth,
    }

"""The inputs of the discriminant: names, units, limits and order, for training and use alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.config.documents import Strict
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

__all__ = ["FEATURES", "Feature", "feature_matrix"]


class Feature(Strict):
    """An input of the discriminant.

    Attributes:
        name: The column of the candidates.
        unit: Of its values; empty without one.
        low: Smaller values are set to this; None for no limit.
        high: Larger values are set to this; None for no limit.
        missing: Stands for a missing value; None if that is an error.
    """

    name: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    missing: float | None = None


FEATURES: Final = (
    Feature(name="max_chi2_local_position", high=30),
    Feature(name="max_trk_kink", high=80),
    Feature(name="min_segment_compatibility", low=0.2),
    Feature(name="vertex_chi2_per_dof", high=25),
    Feature(name="pointing_angle", unit="rad", high=0.15),
    Feature(name="flight_significance", high=30),
    Feature(name="min_dca_iso", unit="cm", high=0.5, missing=0.5),
    Feature(name="max_trk_rel_chi2", high=10),
    Feature(name="min_dxy_significance"),
    Feature(name="max_dxy_significance"),
    Feature(name="data_year"),
)
"""Those of the search, in their order. A candidate without another track nearby is isolated.

Neither the pT nor the flight distance in space is among them: both tell how sharp the mass is, so
that the efficiency would depend on the mass. For the same reason, flight is clipped early.
"""


def feature_matrix(
    columns: Mapping[str, Any], features: Sequence[Feature]
) -> npt.NDArray[np.float32]:
    """Returns the inputs of candidates, candidates × features, within their limits.

    Columns are found by their names, never by their places.

    Args:
        columns: Of the candidates, by name: numbers, masked or NaN where missing.
        features: In the order of the matrix.

    Raises:
        InputError: A column is not there, or lacks values that nothing stands for.
    """
    found = []
    for feature in features:
        if feature.name not in columns:
            message = (
                f"the candidates have no column {feature.name!r}, which the discriminant reads; "
                "tau3mu writes it unless with_inputs is false"
            )
            raise InputError(message, code="discriminant.no-column", path=feature.name)
        values = np.ma.filled(np.ma.asarray(columns[feature.name], np.float64), np.nan)
        gone = np.isnan(values)
        if gone.any() and feature.missing is None:
            message = (
                f"column {feature.name!r} is missing for {gone.sum()} of {len(values)} candidates, "
                "and the discriminant has no value that stands for a missing one"
            )
            raise InputError(message, code="discriminant.missing-value", path=feature.name)
        values = np.where(gone, np.nan if feature.missing is None else feature.missing, values)
        found.append(np.clip(values, feature.low, feature.high))
    return np.array(found, np.float32).T

"""Channel tables: a channel per entry, and nuisances by channel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from tau3mu.config.documents import Strict, read_document
from tau3mu.errors import suggest
from tau3mu.limits.language.files import model_of
from tau3mu.limits.language.parts import Interval, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.limits.language.model import LimitModel

__all__ = ["from_table"]

_PEAK: Final = {"m": "mean", "sig": "sigma", "alpha": "alpha", "n": "power", "f": "fraction",
                "sg": "gauss"}  # fmt: skip
_UNIT: Final = re.compile(r"=\s*([0-9.eE+-]+)\s*$")


class _Peak(Strict):
    m: float
    sig: Annotated[float, Field(gt=0)]
    alpha: float | None = None
    n: float | None = None
    f: float | None = None
    sg: float | None = None


class _Background(Strict):
    shape: Literal["exponential", "flat"]
    slope: float = 0.0
    slope_bounds: Interval | None = None
    slope_constraint: tuple[float, Annotated[float, Field(gt=0)]] | None = None


class _Histogram(Strict):
    edges: tuple[float, ...]
    counts: tuple[Annotated[float, Field(ge=0)], ...]


class _Channel(Strict):
    range: Interval
    signal_yield: Annotated[float, Field(ge=0)]
    signal: _Peak
    background: _Background
    observed: tuple[float, ...] | _Histogram | None = None
    observed_count: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _has_data(self) -> _Channel:
        if (self.observed is None) == (self.observed_count is None):
            refuse("missing-key", "expected either observed or observed_count", "observed")
        return self


class _Shape(Strict):
    on: Literal["mean", "width"]
    relative: dict[str, float]


class _Table(Strict):
    source: str = ""
    unit_of_r: str = "r"
    channels: dict[str, _Channel] = Field(min_length=1)
    lnN: dict[str, dict[str, Annotated[float, Field(gt=0)]]] = Field(default={})  # noqa: N815
    shape: dict[str, _Shape] = Field(default={})

    @model_validator(mode="after")
    def _known(self) -> _Table:
        for key, effects in (("lnN", self.lnN), ("shape", self.shape)):
            for name, effect in effects.items():
                for channel in effect.relative if isinstance(effect, _Shape) else effect:
                    if channel not in self.channels:
                        hint = suggest(channel, self.channels)
                        refuse("unknown-channel", f"there is no channel {channel!r}{hint}",
                               f"{key}.{name}.{channel}")  # fmt: skip
        return self


def from_table(path: str | Path) -> LimitModel:
    """Returns the model of a channel table.

    Args:
        path: A JSON or YAML file; see the reference of model files.

    Raises:
        InputError: It cannot be read or is not a channel table.
    """
    table = read_document(path, "channel table", language="limits").validate(_Table)
    nuisances: dict[str, dict[str, Any]] = {}
    for name, kappas in table.lnN.items():
        nuisances.setdefault(name, {})["yield"] = kappas
    for name, shape in table.shape.items():
        nuisances.setdefault(name, {})[shape.on] = shape.relative
    unit = _UNIT.search(table.unit_of_r)
    return model_of(
        {
            "schema_version": 1,
            "strength": {
                "unit": table.unit_of_r,
                **({"scale": float(unit[1])} if unit and float(unit[1]) > 0 else {}),
                **({"label": table.unit_of_r[: unit.start()].strip()} if unit else {}),
            },
            "channels": {name: _channel(one) for name, one in table.channels.items()},
            "nuisances": nuisances,
            "source": table.source,
        },
        f"channel table {path}",
    )


def _channel(one: _Channel) -> dict[str, Any]:
    background, data = one.background, one.observed
    made: dict[str, Any] = {
        "range": one.range,
        "signal": {
            "yield": one.signal_yield,
            **{_PEAK[key]: value for key, value in one.signal if value is not None},
        },
        "background": {"family": background.shape},
    }
    if background.shape == "exponential":
        shape: dict[str, Any] = {"start": background.slope}
        if background.slope_bounds is not None:
            shape["bounds"] = background.slope_bounds
        if background.slope_constraint is not None:
            mean, sigma = background.slope_constraint
            shape["constraint"] = {"mean": mean, "sigma": sigma}
        made["background"]["shape"] = [shape]
    if isinstance(data, _Histogram):
        made["data"] = {"edges": data.edges, "counts": data.counts}
    else:
        made["data"] = {"count": one.observed_count} if data is None else {"masses": data}
    return made

"""The language of fit files: what a JSON file of a fit may say.

`tau3mu.fits` describes it for users. Nothing here imports zfit, so checking a file is fast.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tau3mu.errors import suggest
from tau3mu.fit.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Component", "FitModel", "Observable", "Parameter", "Stage", "Starts"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Positive = Annotated[int, Field(gt=0)]
Interval = tuple[float, float]


class _Strict(BaseModel):
    """A part of a fit file: no unknown keys, no numbers in quotes, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Observable(_Strict):
    """The axis of the histogram: what is on it, and its equal bins."""

    name: Name
    label: str
    unit: str = ""
    range: Interval
    bins: Positive

    @property
    def edges(self) -> np.ndarray:
        """The edges of the bins."""
        lower, upper = self.range
        return np.linspace(lower, upper, self.bins + 1)

    @model_validator(mode="after")
    def _check(self) -> Observable:
        _require_order(self.range, "range")
        return self


class Parameter(_Strict):
    """A parameter of a shape, or a yield with other limits than the default."""

    value: float
    limits: Interval | None = None
    fixed: bool = False

    @model_validator(mode="after")
    def _check(self) -> Parameter:
        if self.limits is None:
            if not self.fixed:
                _refuse("missing key 'limits', which a parameter that is not fixed needs")
            return self
        _require_order(self.limits, "limits")
        lower, upper = self.limits
        if not lower <= self.value <= upper:
            _refuse(f"{self.value:g} lies outside the limits {lower:g} to {upper:g}", "value")
        return self


class Component(_Strict):
    """One part of the spectrum: a shape, its parameters, and its yield."""

    label: str
    pdf: str
    parameters: dict[str, Name]
    yield_: Name = Field(alias="yield")

    @model_validator(mode="after")
    def _check(self) -> Component:
        if self.pdf not in SHAPES:
            _refuse(f"unknown {self.pdf!r}{suggest(self.pdf, SHAPES)}; {_allowed(SHAPES)}", "pdf")
        expected = SHAPES[self.pdf].parameters
        for role in self.parameters:
            if role not in expected:
                _refuse(
                    f"{self.pdf} has no {role!r}{suggest(role, expected)}; {_allowed(expected)}",
                    "parameters",
                )
        if missing := [role for role in expected if role not in self.parameters]:
            _refuse(f"{self.pdf} also needs {', '.join(missing)}", "parameters")
        return self


class Stage(_Strict):
    """A fit of some components in a part of the range, which gives start values."""

    components: Annotated[tuple[str, ...], Field(min_length=1)]
    ranges: Annotated[tuple[Interval, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Stage:
        for interval in self.ranges:
            _require_order(interval, "ranges")
        return self

    def bins(self, edges: np.ndarray) -> np.ndarray:
        """Returns which bins have their centre in one of the ranges."""
        centres = (edges[1:] + edges[:-1]) / 2
        inside = [(centres >= lower) & (centres <= upper) for lower, upper in self.ranges]
        return np.asarray(np.any(inside, axis=0))


class Starts(_Strict):
    """From how many points the fit starts: the staged one, the others drawn with the seed."""

    number: Positive = 1
    seed: int = 1


class FitModel(_Strict):
    """A fit: the histogram it takes, the components of the spectrum, and where it starts."""

    schema_version: Literal[1]
    name: Name
    title: str
    description: str = ""
    histogram: str
    observable: Observable
    parameters: dict[Name, Parameter]
    components: Annotated[dict[Name, Component], Field(min_length=1)]
    stages: tuple[Stage, ...] = ()
    starts: Starts = Starts()

    @property
    def yields(self) -> tuple[str, ...]:
        """The names of the yields, in the order of the components."""
        return tuple(component.yield_ for component in self.components.values())

    @property
    def shape_parameters(self) -> tuple[str, ...]:
        """The names of the parameters that are no yields, in the order of the file."""
        return tuple(name for name in self.parameters if name not in self.yields)

    @property
    def hash(self) -> str:
        """SHA-256 of all that the model says."""
        document = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(document.encode()).hexdigest()

    @model_validator(mode="after")
    def _check(self) -> FitModel:
        for key, component in self.components.items():
            for role, name in component.parameters.items():
                if name not in self.parameters:
                    _refuse(
                        f"{name!r} is not defined in 'parameters'{suggest(name, self.parameters)}",
                        f"components.{key}.parameters.{role}",
                    )
        self._check_uses()
        self._check_stages()
        return self

    def _check_uses(self) -> None:
        shaping = {n for c in self.components.values() for n in c.parameters.values()}
        for name in self.parameters:
            if name not in shaping and name not in self.yields:
                _refuse(f"no component uses it{suggest(name, shaping)}", f"parameters.{name}")
        for component in self.components.values():
            for role in SHAPES[component.pdf].positive:
                name = component.parameters[role]
                parameter = self.parameters[name]
                lowest = parameter.value if parameter.fixed else (parameter.limits or (0.0,))[0]
                if lowest <= 0:
                    _refuse(
                        f"the {role} of a {component.pdf} is above 0, not {lowest:g}",
                        f"parameters.{name}." + ("value" if parameter.fixed else "limits"),
                    )
        for key, component in self.components.items():
            name = component.yield_
            if name in shaping or self.yields.count(name) > 1:
                _refuse(f"{name!r} is used twice; each yield is its own", f"components.{key}.yield")
            limits = self.parameters[name].limits if name in self.parameters else None
            if limits is not None and limits[0] < 0:
                _refuse(
                    f"a yield cannot be negative, not {limits[0]:g}", f"parameters.{name}.limits"
                )

    def _check_stages(self) -> None:
        for number, stage in enumerate(self.stages):
            for key in stage.components:
                if key not in self.components:
                    _refuse(
                        f"unknown component {key!r}{suggest(key, self.components)}; "
                        f"{_allowed(self.components)}",
                        f"stages.{number}.components",
                    )
            if not stage.bins(self.observable.edges).any():
                lower, upper = self.observable.range
                _refuse(
                    f"no bin has its centre there; the observable covers {lower:g} to {upper:g}",
                    f"stages.{number}.ranges",
                )


def _require_order(interval: Interval, key: str) -> None:
    lower, upper = interval
    if lower >= upper:
        _refuse(f"the lower edge {lower:g} is not below the upper edge {upper:g}", key)


def _allowed(names: Iterable[str]) -> str:
    return f"allowed: {', '.join(names)}"


def _refuse(message: str, at: str = "") -> NoReturn:
    """Refuses the value of the key path `at`, relative to the part that is being checked."""
    kind = "fit"
    raise PydanticCustomError(kind, "{message}", {"message": message, "at": at})

"""The language of fit files: the model that a JSON or YAML file describes.

Nothing here imports zfit, so checking a file is fast.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from tau3mu.fit.language.base import Formula, Interval, Name, Strict, refuse
from tau3mu.fit.language.method import Method, Outputs, Plot, Window
from tau3mu.fit.language.parts import Input, Labels, Observable, Parameter
from tau3mu.fit.language.shapes import Component

__all__ = ["FitModel", "SpectrumModel"]

Ranges = Annotated[
    tuple[Interval, ...],
    Field(
        description="The ranges that are fitted. Yields are still counted in the full range of the "
        "observable. Default: all of it."
    ),
]
Blind = Annotated[
    tuple[Interval, ...],
    Field(description="Ranges that are neither fitted nor drawn."),
]
Components = Annotated[
    dict[Name, Component],
    Field(min_length=1, description="The components by name; they add up to the spectrum."),
]


class SpectrumModel(Strict):
    """One spectrum: its data, its axis, and the components that add up to it."""

    label: str = Field(default="", description="The name on plots where a fit has several spectra.")
    input: Input | None = Field(default=None, description="The data.")
    observable: Observable = Field(description="The axis.")
    ranges: Ranges = ()
    blind: Blind = ()
    components: Components

    @property
    def unbinned(self) -> bool:
        """True if single entries are fitted."""
        return self.input is not None and self.input.column is not None and not self.input.binned


class FitModel(Strict):
    """A fit: one spectrum, or several under `spectra`, and the parameters they share."""

    schema_version: Literal[2] = Field(description="The version of this language.")
    name: Name = Field(
        description="The name of the fit, and of the processor whose histogram is fitted if a "
        "results folder has several."
    )
    title: str = Field(description="A short title, for messages and reports.")
    description: str = Field(default="", description="Free text.")
    input: Input | None = Field(
        default=None, description="The data. Default: given when the fit is run."
    )
    observable: Observable | None = Field(default=None, description="The axis.")
    ranges: Ranges = ()
    blind: Blind = ()
    components: Components | None = None
    spectra: Annotated[dict[Name, SpectrumModel], Field(min_length=1)] | None = Field(
        default=None,
        description="Several spectra that are fitted simultaneously, each with its own input, "
        "observable, ranges, blind and components. Parameters of the same name are shared.",
    )
    parameters: dict[Name, Parameter] = Field(
        default_factory=dict,
        description="Parameters by name. Components that use the same name share the parameter.",
    )
    labels: Labels | None = Field(
        default=None, description="The source of values written `@label`."
    )
    method: Method = Field(default_factory=Method, description="The method of the fit.")
    derived: dict[Name, Formula] = Field(
        default_factory=dict,
        description="Formulas of parameters by name, reported with their errors.",
    )
    windows: dict[Name, Window] = Field(
        default_factory=dict,
        description="Windows by name, for which signal, background, S/B, purity and significance "
        "are reported.",
    )
    outputs: Outputs = Field(
        default_factory=Outputs, description="What is written besides the result."
    )
    plot: Plot = Field(
        default_factory=Plot, description="The style of the plots, and texts on them."
    )

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """The folder from which the paths of the model start."""
        return self._folder

    @cached_property
    def parts(self) -> dict[str, SpectrumModel]:
        """The spectra by name; a single one has the name of the fit."""
        if self.spectra is not None:
            return self.spectra
        alone = {key: getattr(self, key) for key in SpectrumModel.model_fields if key != "label"}
        return {self.name: SpectrumModel.model_construct(**alone)}

    @cached_property
    def yields(self) -> tuple[str, ...]:
        """The names of the yields, each once, in the order of the components."""
        parts = self.parts.values()
        return tuple(dict.fromkeys(c.yield_ for p in parts for c in p.components.values()))

    @cached_property
    def used(self) -> tuple[str, ...]:
        """The names of the parameters that components use directly, yields last."""
        parts = self.parts.values()
        names = (n for p in parts for c in p.components.values() for n in c.names)
        return tuple(dict.fromkeys((*names, *self.yields)))

    @cached_property
    def expressions(self) -> dict[str, str]:
        """The expressions of the parameters that are calculated from others."""
        return {n: p.expression for n, p in self.parameters.items() if p.expression is not None}

    @cached_property
    def negative_yields(self) -> tuple[str, ...]:
        """The names of the yields that their limits, or those they follow, let be negative."""
        return tuple(name for name in self.yields if self._below_zero(name))

    def _below_zero(self, name: str) -> bool:
        parameter = self.parameters.get(name)
        if parameter is None:
            return False
        if parameter.parsed is not None:
            return any(self._below_zero(used) for used in parameter.parsed.names)
        if parameter.free and parameter.limits is not None:
            return parameter.limits[0] < 0
        return isinstance(parameter.value, float) and parameter.value < 0

    @cached_property
    def hash(self) -> str:
        """The SHA-256 hash of the document."""
        document = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(document.encode()).hexdigest()

    def to_dict(self) -> dict[str, object]:
        """Returns the model as the document of a fit file, without defaults."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> FitModel:
        self._folder = (info.context or {}).get("folder", Path())
        if self.spectra is None:
            for key in ("observable", "components"):
                if getattr(self, key) is None:
                    message = "missing key; for several spectra give 'spectra'"
                    refuse("missing-key", message, key)
            return self
        for key in SpectrumModel.model_fields:
            if key in self.model_fields_set:
                message = "expected in each of the 'spectra', not beside them"
                refuse("conflicting-keys", message, key)
        return self

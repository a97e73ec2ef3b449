"""Components of a spectrum: a pdf, a sum of pdfs, or either smeared by a resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from tau3mu.errors import suggest
from tau3mu.fit.language.base import Name, Strict, allowed, either, refuse
from tau3mu.fit.language.parts import Input
from tau3mu.fit.pdfs import PDFS, Pdf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["COEFFICIENTS", "TEMPLATES", "Component", "Shape"]

COEFFICIENTS = "coefficients"
TEMPLATES = {
    "Histogram": "the contents of a histogram, constant within each of its bins",
    "KDE": "a Gaussian kernel density estimate of a column of entries",
}
Argument = Annotated[
    Name | Annotated[tuple[Name, ...], Field(min_length=1)],
    either("the name of a parameter or a list of such names"),
]


class Shape(Strict):
    """A density: a pdf or a sum of shapes, optionally convolved with a resolution."""

    pdf: str | None = Field(
        default=None,
        description="The name of a [pdf](#pdfs): of the package, Histogram, KDE or user-defined.",
    )
    parameters: dict[str, Argument] = Field(
        default_factory=dict,
        description="For each parameter of the pdf, the name of a parameter of the fit; for "
        "`coefficients`, a list of names.",
    )
    template: Input | None = Field(
        default=None, description="The input of the pdfs Histogram and KDE."
    )
    sum: Annotated[tuple[Shape, ...], Field(min_length=2)] | None = Field(
        default=None, description="Shapes that are added, each normalized to one."
    )
    fractions: tuple[Name, ...] | None = Field(
        default=None,
        description="The parameters that are the fractions of all shapes of `sum` but the last.",
    )
    resolution: Shape | None = Field(
        default=None,
        description="The distribution of measured minus true value, around zero: a pdf or a sum of "
        "pdfs. The shapes of a sum are convolved one by one, and its fractions count after that.",
    )
    _definition: Pdf | None = PrivateAttr(default=None)

    def define(self, pdf: Pdf) -> None:
        """Sets the pdf of a template, once it has been read.

        Args:
            pdf: That of the template.
        """
        self._definition = pdf

    @property
    def definition(self) -> Pdf | None:
        """The pdf; None for a sum, and for a template that has not been read."""
        return self._definition

    @property
    def peaks(self) -> bool:
        """True for a peak, which plots fill; continua are drawn as lines."""
        if self.sum is not None:
            return any(part.peaks for part in self.sum)
        return self._definition is not None and self._definition.peaks

    @property
    def arguments(self) -> tuple[str | tuple[str, ...], ...]:
        """The names of the parameters in the order of the pdf."""
        roles = self._definition.parameters if self._definition else ()
        return tuple(self.parameters[role] for role in roles)

    @property
    def smeared_parts(self) -> tuple[Shape, ...]:
        """The shapes of a sum, each with the resolution of the sum."""
        if self.resolution is None:
            return self.sum or ()
        return tuple(
            part.model_copy(update={"resolution": self.resolution}) for part in self.sum or ()
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters that are used, each once, in the order of the file."""
        return tuple(dict.fromkeys(name for _, name in self.uses()))

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yields the key path and the name of every parameter that is used."""
        for role, names in self.parameters.items():
            for name in [names] if isinstance(names, str) else names:
                yield f"parameters.{role}", name
        for number, part in enumerate(self.sum or ()):
            yield from ((f"sum.{number}.{path}", name) for path, name in part.uses())
        for name in self.fractions or ():
            yield "fractions", name
        if self.resolution is not None:
            yield from ((f"resolution.{path}", name) for path, name in self.resolution.uses())

    def shapes(self, path: str = "") -> Iterator[tuple[str, Shape]]:
        """Yields the key path of this shape and of every one in it, and the shape.

        Args:
            path: The key path of this shape.
        """
        yield path, self
        for number, part in enumerate(self.sum or ()):
            yield from part.shapes(f"{path}.sum.{number}")
        if self.resolution is not None:
            yield from self.resolution.shapes(f"{path}.resolution")

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Shape:
        if (self.pdf is None) == (self.sum is None):
            refuse("one-of-keys", "expected either 'pdf' or 'sum'")
        if self.resolution is not None:
            self._check_resolution(self.resolution)
        if self.pdf is None:
            self._check_sum()
        elif self.fractions is not None:
            refuse("conflicting-keys", "are for a 'sum', not for a 'pdf'", "fractions")
        elif (self.pdf in TEMPLATES) != (self.template is not None):
            message = f"expected with {' and '.join(TEMPLATES)}, and only with them"
            refuse("conflicting-keys", message, "template")
        elif self.template is not None:
            self._check_template(self.pdf, self.template)
        else:
            self._check_pdf(self.pdf, {**PDFS, **((info.context or {}).get("pdfs", {}))})
        return self

    def _check_resolution(self, resolution: Shape) -> None:
        for part in (resolution, *(resolution.sum or ())):
            if part.template or part.resolution or (part is not resolution and part.sum):
                message = "expected a pdf, or a sum of pdfs, without templates"
                refuse("wrong-resolution", message, "resolution")
        if any(shape is not self and shape.resolution for _, shape in self.shapes()):
            message = "expected one resolution, got one inside the other"
            refuse("wrong-resolution", message, "resolution")

    def _check_sum(self) -> None:
        shapes, fractions = len(self.sum or ()), len(self.fractions or ())
        if fractions != shapes - 1:
            message = f"expected {shapes - 1} for a sum of {shapes} shapes, got {fractions}"
            refuse("wrong-number", message, "fractions")
        if self.parameters or self.template:
            message = "'parameters' and 'template' are for a 'pdf', not for a 'sum'"
            refuse("conflicting-keys", message)

    def _check_pdf(self, name: str, known: Mapping[str, Pdf]) -> None:
        if name not in known:
            names = [*known, *TEMPLATES]
            message = f"unknown pdf {name!r}{suggest(name, names)}; {allowed(names)}"
            refuse("unknown-pdf", message, "pdf")
        self._definition = known[name]
        expected = known[name].parameters
        for role, given in self.parameters.items():
            if role not in expected:
                message = f"{name} has no {role!r}{suggest(role, expected)}; {allowed(expected)}"
                refuse("unknown-role", message, f"parameters.{role}")
            if isinstance(given, str) == (role == COEFFICIENTS):
                wanted = "a list of names" if role == COEFFICIENTS else "the name of a parameter"
                refuse("wrong-type", f"expected {wanted}", f"parameters.{role}")
        if missing := [role for role in expected if role not in self.parameters]:
            refuse("missing-role", f"{name} also needs {', '.join(missing)}", "parameters")

    def _check_template(self, name: str, template: Input) -> None:
        if self.parameters:
            refuse("conflicting-keys", f"{name} has no parameters", "parameters")
        wanted = "histogram" if name == "Histogram" else "column"
        if getattr(template, wanted) is None:
            refuse("wrong-template", f"expected a {wanted} for the pdf {name}", "template")
        if template.file is None:
            refuse("missing-key", "missing key", "template.file")


class Component(Shape):
    """A component of the spectrum: a shape and its yield."""

    label: str = Field(description="The label in the legend of plots.")
    yield_: Name = Field(
        alias="yield",
        description="The parameter that is the number of entries in the full range. By default, if "
        "it is not listed in `parameters`, it runs from 0 to twice the number of entries, or to a "
        "thousand times those in the fitted ranges. With `limits` below 0 it may be negative, as "
        "in searches, if the sum of all components stays positive.",
    )
    color: str | None = Field(default=None, description="A color of matplotlib, for plots.")

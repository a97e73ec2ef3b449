"""The parameters of a dq_fitter file and of its pdfs, as a fit file has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from tau3mu.errors import InputError, suggest
from tau3mu.fit.dq.names import plain_name, read_parameter, ties, words
from tau3mu.fit.language.base import problem
from tau3mu.fit.pdfs import PDFS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.config.documents import Document
    from tau3mu.fit.dq.file import DqPdfs
    from tau3mu.fit.dq.names import Entry

__all__ = ["DqParts", "parts_of"]

# dq_fitter has parameters that only scale a pdf, which no data can determine. For each parameter
# of our pdf: the place of dq_fitter's, and of the one that it is divided by, if any.
_REDUCED: dict[str, tuple[tuple[int, int | None], ...]] = {
    "Exp": ((1, 0),),
    "Pol4Exp": (*((place, 0) for place in (1, 2, 3, 4)), (5, None)),
    "RatioPol4Exp": (
        (0, 4), (1, None), (2, None), (3, None), *((place, 5) for place in (6, 7, 8, 9)),
        (10, None),
    ),
    "RatioVWG": ((0, 4), *((place, None) for place in (1, 2, 3, 6, 7, 8))),
}  # fmt: skip
_NEGATIVE = {"Exp"}  # falls for a positive B / A, and ours for a negative slope
_STEEPEST = 20.0  # an exponential that falls by this power of e in the range ends in its first bins
_SMALLEST = 1e-3  # stands for a lower limit of zero, in parts of the first value


@dataclass(frozen=True)
class DqParts:
    """The pdfs of a file: their parameters by role, their yields, all parameters, warnings."""

    arguments: list[dict[str, str]]
    yields: list[str]
    parameters: dict[str, Entry]
    warnings: list[str]


def parts_of(pdfs: DqPdfs, width: float, document: Document) -> DqParts:
    """Returns the parameters of a file and their places.

    Args:
        pdfs: The model in the file.
        width: The width of the fit range, which limits how steep an exponential can be.
        document: The file, for messages.

    Raises:
        InputError: The name of a parameter, or a formula in its place, cannot be understood.
    """
    given = _Parameters(document)
    slots = [
        [
            given.add(text, value, (lower, upper), f"{place}.{number}")
            for number, (text, value, lower, upper) in enumerate(zip(*lists, strict=True))
        ]
        for place, lists in enumerate(
            zip(pdfs.parameters, pdfs.values, pdfs.lower, pdfs.upper, strict=True)
        )
    ]
    given.check_ties()
    given.count(slots, pdfs.pdf)
    *shapes, yields = slots
    kinds = list(zip(pdfs.pdf, pdfs.names, shapes, strict=False))
    arguments = [given.arguments(*kind, _STEEPEST / width) for kind in kinds]
    for (kind, *_), roles in zip(kinds, arguments, strict=True):
        for role in PDFS[kind].positive:
            given.lift(roles[role], f"the {role} of a {kind}")
    yields = given.own_yields(yields, pdfs.names[:-1])
    used = [*(name for roles in arguments for name in roles.values()), *yields]
    return DqParts(arguments, yields, given.used(used), given.warnings)


@dataclass
class _Parameters:
    """Collects the parameters, and warnings about what had to be changed."""

    document: Document
    entries: dict[str, Entry] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    uses: Counter[str] = field(default_factory=Counter)
    scales: Counter[str] = field(default_factory=Counter)
    _given: dict[str, tuple[Any, str]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def add(self, text: str, value: float, limits: tuple[float, float], place: str) -> str:
        """Returns the name of the parameter of one place, which may be there already."""
        at = f"input.pdf_dictionary.parName.{place}"
        try:
            read = read_parameter(text, value, limits)
        except InputError as error:
            self._refuse(error.code, at, str(error))
        for other in read.others:
            self._rename(other, at)
        for label in read.labels:
            entry = {"value": f"@{label}"}
            self._enter(self._rename(label, at), entry, entry, at)
        name, entry = self._rename(read.name, at), read.entry
        given = entry if "limits" not in entry else {**entry, "value": value}
        if self._enter(name, entry, given, at) and entry.get("value") != given.get("value"):
            self.warnings.append(
                f"{at}: {name} starts at {entry['value']:g}, since {value:g} lies outside its "
                f"limits {limits[0]:g} to {limits[1]:g}"
            )
        return name

    def _enter(self, name: str, entry: Entry, given: Entry, at: str) -> bool:
        """Adds a parameter and returns whether it is new; an old one stays as it is."""
        if name not in self.entries:
            self.entries[name], self._given[name] = entry, (given, at)
            return True
        if given != self._given[name][0]:
            first, place = self._given[name]
            self.warnings.append(
                f"{at}: {name} is {words(first)} from {place}, the first place that names it; "
                f"here it would be {words(given)}"
            )
        return False

    def _rename(self, text: str, at: str) -> str:
        """Returns the name that a fit file has for one of dq_fitter's."""
        name = plain_name(text)
        if name not in self._names:
            self._names[name] = text
            if name != text:
                self.warnings.append(f"{at}: {text} is called {name}, as fit files name parameters")
        elif self._names[name] != text:
            message = f"{text} and {self._names[name]} would both be called {name}"
            self._refuse("repeated-name", at, message)
        return name

    def check_ties(self) -> None:
        """Refuses formulas of parameters that are nowhere named."""
        for name, entry in self.entries.items():
            for used in ties(entry):
                if used not in self.entries:
                    message = f"unknown parameter {used!r}{suggest(used, self.entries)}"
                    self._refuse("undefined-parameter", self._given[name][1], message)

    def count(self, slots: list[list[str]], kinds: list[str]) -> None:
        """Counts how often each parameter is used, and how often of that as a scale."""
        self.uses.update(name for names in slots for name in names)
        self.uses.update(name for entry in self.entries.values() for name in ties(entry))
        for kind, names in zip(kinds, slots, strict=True):
            places = {scale for _, scale in _REDUCED.get(kind, ()) if scale is not None}
            self.scales.update(names[place] for place in places)

    def arguments(
        self, kind: str, component: str, names: list[str], steepest: float
    ) -> dict[str, str]:
        """Returns the parameters of a pdf by our roles, without those that only scale it."""
        roles = PDFS[kind].parameters
        if kind not in _REDUCED:
            return dict(zip(roles, names, strict=True))
        arguments = {}
        ratios = []
        for role, (place, scale) in zip(roles, _REDUCED[kind], strict=True):
            arguments[role] = names[place]
            if scale is not None:
                arguments[role] = f"{role}_{component}"
                sign = "-" if kind in _NEGATIVE else ""
                ratios.append(f"{arguments[role]} = {sign}{names[place]} / {names[scale]}")
                self._divide(arguments[role], names[place], names[scale], sign)
                if kind == "Exp":
                    self._bound(arguments[role], steepest)
        self.warnings.append(
            f"{component}: what only scales dq_fitter's {kind} is dropped, since no data "
            f"determine it: {', '.join(ratios)}"
        )
        return arguments

    def _divide(self, name: str, part: str, scale: str, sign: str) -> None:
        value, divisor = self.entries[part], self.entries[scale]
        if divisor.get("value") == 0:
            message = f"{scale} divides {part} and starts at 0"
            self._refuse("not-finite", self._given[scale][1], message)
        numbers = all(isinstance(entry.get("value"), int | float) for entry in (value, divisor))
        if numbers and self.uses[part] == 1 and self.uses[scale] == self.scales[scale] == 1:
            self.entries[name] = _ratio(value, divisor, -1 if sign else 1)
            return
        self.entries[name] = {"expression": f"{sign}{part} / {scale}"}
        if "limits" in divisor and self.uses[scale] == self.scales[scale]:
            self.entries[scale] = {"value": divisor["value"], "fixed": True}

    def _bound(self, name: str, steepest: float) -> None:
        entry = self.entries[name]
        if "limits" in entry:
            bound = max(_short(steepest, 3), abs(entry["value"]))
            lower, upper = entry["limits"]
            entry["limits"] = [max(lower, -bound), min(upper, bound)]

    def lift(self, name: str, what: str) -> None:
        """Moves a lower limit of zero or below to a small number, for what has to be positive."""
        entry = self.entries[name]
        lower, upper = entry.get("limits", (1, 1))
        if lower <= 0 < upper:
            lower = _short(_SMALLEST * (entry["value"] if entry["value"] > 0 else upper), 3)
            self.entries[name] = {"value": max(entry["value"], lower), "limits": [lower, upper]}
            self.warnings.append(f"{name}: the lower limit is {lower:g}, since {what} is above 0")

    def own_yields(self, yields: list[str], components: Iterable[str]) -> list[str]:
        """Returns the yields, each of one component."""
        names = []
        for name, component in zip(yields, components, strict=True):
            if name in names:
                names.append(f"{name}_{component}")
                self.entries[names[-1]] = {"expression": name}
                self.warnings.append(f"{component}: the yield {names[-1]} is equal to {name}")
            else:
                names.append(name)
        return names

    def used(self, names: Iterable[str]) -> dict[str, Entry]:
        """Returns the parameters that are needed, in the order of their use."""
        wanted = list(names)
        for name in wanted:  # grows while it is walked
            wanted += [tie for tie in ties(self.entries[name]) if tie not in wanted]
        return {name: self.entries[name] for name in dict.fromkeys(wanted)}

    def _refuse(self, code: str, at: str, message: str) -> NoReturn:
        raise self.document.error([problem(code, at, message)])


def _ratio(part: Entry, scale: Entry, sign: int) -> Entry:
    """Returns the parameter that is the ratio of two; its limits hold all that theirs allow."""
    value = _short(sign * part["value"] / scale["value"])
    if "limits" not in part and "limits" not in scale:
        return {"value": value, "fixed": True}
    numerators = part.get("limits", [part["value"]])
    divisors = scale.get("limits", [scale["value"]])
    if min(divisors) <= 0 <= max(divisors):  # all ratios are possible: those of the first divisor
        largest = _short(max(abs(number) for number in numerators) / abs(scale["value"]))
        return {"value": value, "limits": [-largest, largest]}
    ratios = [_short(sign * number / divisor) for number in numerators for divisor in divisors]
    return {"value": value, "limits": [min(ratios), max(ratios)]}


def _short(number: float, digits: int = 12) -> float:
    return float(f"{number:.{digits}g}")

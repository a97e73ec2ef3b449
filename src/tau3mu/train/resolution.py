"""The wagons of a train, resolved: with instances of processors, fits and hashes.

Everything that can be wrong is found here, without a look at data, and listed as problems with the
keys that lead to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path
from tau3mu.config.problems import Problem
from tau3mu.errors import InputError, suggest
from tau3mu.fit.language import load_model, shipped_fits
from tau3mu.processing.catalogue import create, installed_processors, load_class
from tau3mu.processing.parameters import (
    checked,
    defaults,
    json_patch,
    merge_patch,
    with_hash,
)
from tau3mu.train.language import AUTO, BASE, Limits, Outputs, WagonEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tau3mu.fit import FitModel
    from tau3mu.processing import Processor

__all__ = ["Resolved", "resolve", "result_name"]

_Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Resolved:
    """A wagon or a variant of it, as it runs.

    Attributes:
        name: Names its results.
        wagon: The wagon that it belongs to.
        variant: Which of its variants, or `base`.
        processor: With all of its parameters.
        needs: The results of others that it uses.
        datasets: Which of the train it reads; all if there are none.
        fit: What is fitted, if anything.
        outputs: What is written besides the results.
        limits: What it may need.
        hash: Of all that its results depend on, but for data and code: equal ones are one.
    """

    name: str
    wagon: str
    variant: str
    processor: Processor
    needs: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    fit: FitModel | None = None
    outputs: Outputs = field(default_factory=Outputs)
    limits: Limits = field(default_factory=Limits)
    hash: str = ""

    @property
    def configuration(self) -> dict[str, Any]:
        """The processor with its parameters, the needs, the fit and the outputs, as JSON values."""
        own = self.processor.configuration
        return {
            "class": own["class"],
            "parameters": own["parameters"],
            "needs": list(self.needs),
            # With all defaults: a fit that names them is the same one.
            "fit": None if self.fit is None else self.fit.model_dump(mode="json", by_alias=True),
            "outputs": self.outputs.model_dump(mode="json"),
        }


def result_name(wagon: str, variant: str) -> str:
    """Returns the name of the results of a variant of a wagon.

    Args:
        wagon: The name of the wagon.
        variant: That of the variant, or `base`.
    """
    return wagon if variant == BASE else f"{wagon}_{variant}"


def resolve(
    entries: Mapping[str, WagonEntry],
    classes: Mapping[str, type[Processor]],
    folder: Path,
) -> tuple[dict[str, Resolved], list[Problem]]:
    """Returns all active wagons and variants by the names of their results, and what is wrong.

    Those that others need come before them, also if they are not listed or not active.

    Args:
        entries: The wagons by name.
        classes: The classes of those wagons whose processors were given as such.
        folder: From which relative paths start.
    """
    return _Resolution(entries, classes, folder).run()


class _Resolution:
    def __init__(
        self,
        entries: Mapping[str, WagonEntry],
        classes: Mapping[str, type[Processor]],
        folder: Path,
    ) -> None:
        self._entries = dict(entries)
        self._given = classes
        self._folder = folder
        self._loaded: dict[str, type[Processor]] = {}
        self._places: dict[str, tuple[str, str]] = {}  # wagon and variant by name of results
        self._problems: list[Problem] = []

    def run(self) -> tuple[dict[str, Resolved], list[Problem]]:
        self._find_names()
        self._find_needs()
        order = self._in_order()
        found: dict[str, Resolved] = {}
        for name in order:
            found |= self._resolved(name, found)
        for name in self._places:
            if name not in order:  # not active, and has to be right all the same
                self._resolved(name, found)
        if not self._problems:
            self._refuse_copies(found)
        return found, self._problems

    def _find_names(self) -> None:
        """Finds the names of all results, which have to differ, also without case."""
        folded: dict[str, str] = {}
        for wagon, entry in self._entries.items():
            for variant in (BASE, *entry.variants):
                name = result_name(wagon, variant)
                if (other := folded.get(name.casefold())) is not None:
                    same = _said(*self._places[other])
                    text = (
                        f"its results are called {name!r}, as those of {same}, save for upper and "
                        "lower case: rename one"
                    )
                    self._add(wagon, variant, "same-name", text)
                    continue
                folded[name.casefold()] = name
                self._places[name] = (wagon, variant)

    def _find_needs(self) -> None:
        """Adds installed processors that are needed and not listed; refuses unknown names."""
        for wagon, entry in list(self._entries.items()):
            for number, need in enumerate(entry.needs):
                if need in self._places:
                    continue
                if need in installed_processors():
                    self._entries[need] = WagonEntry(processor=need)
                    self._places[need] = (need, BASE)
                    continue
                known = [*self._places, *installed_processors()]
                text = (
                    f"there is no wagon {need!r}{suggest(need, known)}; there are "
                    f"{', '.join(dict.fromkeys(known))}"
                )
                keys = ("wagons", wagon, "needs", number)
                self._problems.append(Problem(keys, "unknown-need", text))

    def _in_order(self) -> list[str]:
        """Returns the names of the results that are made, what is needed first."""
        active = [
            result_name(wagon, variant)
            for wagon, entry in self._entries.items()
            for variant in entry.members
        ]
        done: dict[str, None] = {}
        for name in active:
            self._visit(name, (), done)
        return list(done)

    def _visit(self, name: str, above: tuple[str, ...], done: dict[str, None]) -> None:
        if name in done or name not in self._places:
            return
        wagon, _ = self._places[name]
        if name in above:
            circle = " → ".join((*above[above.index(name) :], name))
            keys = ("wagons", wagon, "needs")
            self._problems.append(Problem(keys, "needs-cycle", f"needs itself: {circle}"))
            done[name] = None
            return
        for need in self._entries[wagon].needs:
            self._visit(need, (*above, name), done)
        done[name] = None

    def _resolved(self, name: str, before: Mapping[str, Resolved]) -> dict[str, Resolved]:
        wagon, variant = self._places[name]
        entry = self._entries[wagon]
        cls = self._class_of(wagon, entry)
        fit = self._fit_of(wagon, entry, cls) if cls is not None else None
        processor = self._processor_of(name, cls) if cls is not None else None
        if processor is None:
            return {}
        one = Resolved(
            name, wagon, variant, processor, entry.needs, entry.datasets, fit, entry.outputs,
            entry.limits,
        )  # fmt: skip
        self._check_skim(one)
        try:
            of_needs = {need: before[need].hash for need in entry.needs}
        except KeyError:  # which has a problem of its own
            return {}
        digest = with_hash({**one.configuration, "needs": of_needs})["hash"]
        return {name: Resolved(**{**vars(one), "hash": digest})}

    def _class_of(self, wagon: str, entry: WagonEntry) -> type[Processor] | None:
        if wagon in self._given:
            return self._given[wagon]
        text = entry.processor
        if ":" in text:
            path, _, name = text.rpartition(":")
            text = f"{self._folder / user_path(path)}:{name}" if path.endswith(".py") else text
        if text not in self._loaded:
            try:
                self._loaded[text] = load_class(text)
            except InputError as error:
                keys = ("wagons", wagon, "processor")
                self._add_error(keys, error)
                return None
        return self._loaded[text]

    def _fit_of(self, wagon: str, entry: WagonEntry, cls: type[Processor]) -> FitModel | None:
        fit: str | Path | None = entry.fit
        if fit is None or (fit == AUTO and cls.name not in shipped_fits()):
            return None
        if fit == AUTO:
            fit = cls.name
        elif str(fit) not in shipped_fits() and Path(fit).suffix:
            fit = self._folder / user_path(fit)
        try:
            return load_model(fit)
        except InputError as error:
            self._add_error(("wagons", wagon, "fit"), error)
            return None

    def _processor_of(self, name: str, cls: type[Processor]) -> Processor | None:
        wagon, variant = self._places[name]
        entry = self._entries[wagon]
        known = len(self._problems)
        values = defaults(cls)
        base = ("wagons", wagon, "parameters")
        values = self._merged(cls, wagon, base, values, entry.parameters)
        if variant != BASE:
            keys = ("wagons", wagon, "variants", variant)
            values = self._merged(cls, name, keys, values, entry.patch_of(variant))
        if len(self._problems) > known:
            return None
        usual = defaults(cls)
        patch = {key: value for key, value in values.items() if value != usual[key]}
        try:
            processor = create(cls, name, patch, name=name)
            return processor.with_needs(entry.needs) if entry.needs else processor
        except InputError as error:
            where = base if variant == BASE else ("wagons", wagon, "variants", variant)
            self._add_error(where, error, name)
            return None

    def _merged(
        self,
        cls: type[Processor],
        name: str,
        keys: _Keys,
        values: dict[str, Any],
        patch: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Returns values with those of a patch; each of its keys is checked alone."""
        merged = dict(values)
        for key, value in patch.items():
            try:
                one = json_patch(cls, name, {key: value})
                both = merge_patch(merged, one)
                model = checked(cls, name, both)
            except InputError as error:  # noqa: PERF203 - all problems at once
                self._add_error(keys, error, name)
            else:
                merged = model.model_dump(mode="json")
        return merged

    def _check_skim(self, one: Resolved) -> None:
        """Checks the step of a skim, as far as it is known without a look at events."""
        from tau3mu.processing.cuts import CutProcessor

        skim = one.outputs.skim
        if skim is None or not skim.at or not isinstance(one.processor, CutProcessor):
            return
        steps = ["all", *dict.fromkeys(cut.step for cut in one.processor.active_cuts)]
        if skim.at not in steps:
            text = f"{one.name} has no step {skim.at!r}{suggest(skim.at, steps)}"
            text = f"{text}; it has {', '.join(steps)}"
            keys = ("wagons", one.wagon, "outputs", "skim", "at")
            self._problems.append(Problem(keys, "derived.unknown-step", text))

    def _refuse_copies(self, found: Mapping[str, Resolved]) -> None:
        first: dict[tuple[Any, ...], Resolved] = {}
        for one in found.values():
            key = one.hash, id(type(one.processor)), frozenset(one.datasets)
            other = first.setdefault(key, one)
            if other is not one:
                text = (
                    f"{one.name!r} is the same as {other.name!r}: equal processor, parameters, "
                    "needs, datasets, fit and outputs; remove one or change its parameters"
                )
                self._add(one.wagon, one.variant, "same-wagon", text)

    def _add(self, wagon: str, variant: str, code: str, text: str) -> None:
        below = () if variant == BASE else ("variants", variant)
        self._problems.append(Problem(("wagons", wagon, *below), code, text))

    def _add_error(self, keys: _Keys, error: InputError, name: str = "") -> None:
        """Adds the problem of an error, whose path leads on to a parameter if it begins so."""
        below: _Keys = ()
        if name and error.path.startswith(f"{name}."):
            below = tuple(_steps(error.path.removeprefix(f"{name}.")))
        problem = Problem((*keys, *below), error.code or "wrong-value", str(error))
        if problem not in self._problems:
            self._problems.append(problem)


def _steps(path: str) -> Iterator[str | int]:
    for step in path.split("."):
        yield int(step) if step.isdigit() else step


def _said(wagon: str, variant: str) -> str:
    return f"wagon {wagon}" if variant == BASE else f"variant {variant} of wagon {wagon}"

"""Wagons and trains as Python objects, the same as what train files describe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import Document, read_document
from tau3mu.config.input_files import user_path
from tau3mu.config.problems import Problem
from tau3mu.errors import InputError, suggest
from tau3mu.report.notebook import in_notebook, part
from tau3mu.train.language import TrainFile, TrainSettings, WagonEntry
from tau3mu.train.paths import with_absolute_paths, without_folder, write_document

if TYPE_CHECKING:
    from tau3mu.datasets import Dataset
    from tau3mu.derived import SkimRequest
    from tau3mu.fit import FitModel
    from tau3mu.processing import Processor
    from tau3mu.run.settings import Settings
    from tau3mu.train.resolution import Resolved
    from tau3mu.train.resolving import ResolvedDataset
    from tau3mu.train.store import Store

__all__ = ["Train", "Wagon"]

_OF_DATASETS: Final = ("prefix", "layout", "max_files")
"""Settings that the datasets have in them already."""
_OF_PARAMETERS: Final = ("processor", "parameters", "variants")
_KEYS_OF_PARAMETERS: Final = ("parameters",), ("variants",)


class Wagon:
    """A processor with its parameters and variants, and what is made of it.

    `Wagon("dsphipi", variants={"tight": {"flight_significance": 3.0}})` is what a train file has
    under the name of a wagon.

    Attributes:
        entry: Its content, as in a train file.
        name: Its name in a train to which it is given without one.
        cls: The class of the processor if it was given as such.
    """

    def __init__(
        self,
        processor: str | Processor | type[Processor],
        *,
        name: str | None = None,
        **entry: Any,
    ) -> None:
        """Creates a wagon.

        Args:
            processor: An installed processor, `path/to/file.py:Class`, a class, or an instance,
                whose parameters are those of the wagon.
            name: Its name; by default that of the processor.
            **entry: The other keys of a wagon in a train file: `parameters`, `variants`, `needs`,
                `datasets`, `fit`, `outputs`, `limits`, `active`.

        Raises:
            InputError: A key is unknown, or a value is not what it should be.
        """
        self.cls: type[Processor] | None = None
        usual = (
            processor.rpartition(":")[2]
            if isinstance(processor, str)
            else getattr(processor, "name", "wagon")
        )
        self.name = name or usual
        text = processor if isinstance(processor, str) else self._of_object(processor, entry)
        content = {"processor": text, **entry}
        document = Document(content, f"wagon {self.name}", "train")
        self.entry = document.validate(WagonEntry)

    def _of_object(self, processor: Any, entry: dict[str, Any]) -> str:
        """Returns the name of the class; what is not its default goes into `parameters`."""
        from tau3mu.processing import Processor
        from tau3mu.processing.catalogue import installed_processors
        from tau3mu.processing.parameters import (
            defaults,
            json_patch,
            merge_patch,
            patch_between,
            values_of,
        )
        from tau3mu.processing.user_code import class_name

        cls = processor if isinstance(processor, type) else type(processor)
        if not issubclass(cls, Processor):
            message = f"{processor!r} is not a processor: give a name, a class or an instance"
            raise InputError(message, code="train.no-processor")
        if not isinstance(processor, type):
            given = json_patch(cls, cls.name, entry.get("parameters", {}))
            values = merge_patch(values_of(processor), given)
            usual = defaults(cls)
            changed = {key: value for key, value in values.items() if value != usual[key]}
            entry["parameters"] = {
                key: patch_between(usual[key], value) for key, value in changed.items()
            }
        for name, point in installed_processors().items():
            if point.load() is cls:
                return name
        self.cls = cls
        return class_name(cls)

    def __eq__(self, other: object) -> bool:
        """Returns whether both have the same content."""
        return isinstance(other, Wagon) and (self.entry, self.cls) == (other.entry, other.cls)

    def __hash__(self) -> int:
        """Returns a hash, equal for equal wagons."""
        return hash(self.entry.model_dump_json())

    def __repr__(self) -> str:
        """Returns how the object can be made."""
        given = self.entry.model_dump(mode="json", exclude_defaults=True)
        text = given.pop("processor")
        words = [repr(text), *(f"{key}={value!r}" for key, value in given.items())]
        return f"Wagon({', '.join(words)})"

    def _repr_html_(self) -> str:
        return Train([self], ["demo"])._html("")


class Train:
    """Wagons that run in one pass over some datasets.

    Attributes:
        file: Its content, as in a train file, with absolute paths.
        wagons: The wagons by name.
    """

    def __init__(
        self,
        wagons: Mapping[str, Wagon] | Iterable[Wagon],
        datasets: str | Iterable[str | Path] = (),
        *,
        settings: Mapping[str, Any] | None = None,
        analysis: Mapping[str, Any] | None = None,
    ) -> None:
        """Creates a train; `check` says what is wrong with it.

        Args:
            wagons: By name, or with names of their own.
            datasets: Shipped or registered datasets, dataset files, and ntuples.
            settings: How it runs: options of `tau3mu.run`.
            analysis: Who does it, and what it is about.

        Raises:
            InputError: A key is unknown, a value is not what it should be, or two wagons have the
                same name.
        """
        named = _by_name(wagons)
        content: dict[str, Any] = {
            "schema_version": 1,
            "wagons": {
                name: wagon.entry.model_dump(mode="json", exclude_defaults=True)
                for name, wagon in named.items()
            },
            "datasets": [datasets] if isinstance(datasets, str) else [str(one) for one in datasets],
        }
        content |= {"settings": dict(settings)} if settings else {}
        content |= {"analysis": dict(analysis)} if analysis else {}
        classes = {name: wagon.cls for name, wagon in named.items() if wagon.cls is not None}
        self._set(Document(content, "train", "train"), Path.cwd(), classes)

    def _set(
        self, document: Document, folder: Path, classes: Mapping[str, type[Processor]]
    ) -> None:
        self._document = document
        self._folder = folder
        self._classes = dict(classes)
        file = document.validate(TrainFile, more=self._problems_of_parameters)
        self.file = with_absolute_paths(file, folder)
        self.wagons = {name: self._wagon(name, entry) for name, entry in self.file.wagons.items()}

    def _problems_of_parameters(self) -> list[Problem]:
        """Returns what is wrong with parameters in a file that does not fit the language."""
        from tau3mu.train.resolution import resolve

        wagons = self._document.content.get("wagons")
        entries = {}
        for name, content in wagons.items() if isinstance(wagons, dict) else ():
            if isinstance(content, dict):
                known = {key: content[key] for key in _OF_PARAMETERS if key in content}
                with suppress(InputError):  # which the language has named
                    entries[name] = Document(known | {"fit": None}, "").validate(WagonEntry)
        _, found = resolve(entries, self._classes, self._folder)
        return [
            one
            for one in found
            if one.keys[2:3] in _KEYS_OF_PARAMETERS and one.code != "same-wagon"
        ]

    def _wagon(self, name: str, entry: WagonEntry) -> Wagon:
        wagon = Wagon.__new__(Wagon)
        wagon.name, wagon.entry, wagon.cls = name, entry, self._classes.get(name)
        return wagon

    @classmethod
    def load(cls, path: str | Path) -> Train:
        """Returns the train of a train file.

        Args:
            path: In YAML if its name ends in `.yaml` or `.yml`, else in JSON. Relative paths in it
                start from its folder.

        Raises:
            InputError: It cannot be read, or does not fit the language.
        """
        document = read_document(path, "train file", language="train")
        train = cls.__new__(cls)
        train._set(document, user_path(path).absolute().parent, {})
        return train

    def save(self, path: str | Path) -> None:
        """Writes a train file; what is in its folder is named without the folder.

        Args:
            path: In YAML if its name ends in `.yaml` or `.yml`, else in JSON.

        Raises:
            InputError: A processor is a class of this session, which no file can name.
            RunError: The file cannot be written.
        """
        if self._classes:
            name, one = next(iter(self._classes.items()))
            message = (
                f"wagon {name}: {one.__name__} is a class of this session, which a train file "
                "cannot name: put it into a Python file, and give path/to/file.py:Class"
            )
            raise InputError(message, code="train.class-of-session", path=name)
        file = user_path(path).absolute()
        write_document(file, self.document(relative_to=file.parent))

    def document(self, *, relative_to: Path | None = None) -> dict[str, Any]:
        """Returns the content of its train file, without defaults.

        Args:
            relative_to: A folder; paths in it are given without it.
        """
        content = self.file.model_dump(mode="json", exclude_defaults=True)
        content = {"schema_version": 1, **content}
        if relative_to is not None:
            content = without_folder(content, f"{relative_to}/")
        return content

    def check(self, store: Store | None = None) -> dict[str, Resolved]:
        """Returns all wagons and variants that run, by the names of their results.

        Processors are made, fits are read, datasets are looked up; no file of data is opened.

        Args:
            store: In which datasets are registered; see `Store`.

        Raises:
            InputError: Something is wrong; the message names all of it, with its lines.
        """
        from tau3mu.train.checking import dataset_problems, version_problems

        found, problems = self._resolution
        problems = [*version_problems(self.file), *problems, *dataset_problems(self.file, store)]
        if problems:
            raise self._document.error(problems)
        return found

    @cached_property
    def resolved(self) -> dict[str, Resolved]:
        """All wagons and variants that run, by the names of their results, needed ones first.

        Raises:
            InputError: Something is wrong with one; the message names all of it, with its lines.
        """
        found, problems = self._resolution
        if problems:
            raise self._document.error(problems)
        return found

    @cached_property
    def _resolution(self) -> tuple[dict[str, Resolved], list[Problem]]:
        from tau3mu.train.resolution import resolve

        found, problems = resolve(self.file.wagons, self._classes, self._folder)
        if not problems and not found:
            problems = [Problem(("wagons",), "nothing-active", "no wagon is active")]
        return found, problems

    def only(self, *wagons: str) -> Train:
        """Returns a train of some of the wagons, and of what they need.

        Args:
            wagons: Their names; those of variants stand for these alone.

        Raises:
            InputError: There is no such wagon.
        """
        found = self.resolved
        chosen: dict[str, list[str]] = {}
        for name in wagons:
            variants = [one.variant for one in found.values() if one.wagon == name]
            if variants:
                chosen.setdefault(name, []).extend(variants)
            elif name in found:
                chosen.setdefault(found[name].wagon, []).append(found[name].variant)
            else:
                known = dict.fromkeys((*self.file.wagons, *found))
                message = (
                    f"the train has no wagon {name!r} that is active{suggest(name, known)}; it has "
                    f"{', '.join(known)}"
                )
                raise InputError(message, code="train.unknown-wagon", path=name)
        # Those that are needed and not in the file are in the train of all.
        reads = self._reads
        added = {
            name: WagonEntry(processor=name, datasets=reads[name])
            for name in chosen
            if name not in self.wagons
        }
        entries = {
            name: entry.model_copy(update={"active": tuple(chosen.get(name, ()))})
            for name, entry in (self.file.wagons | added).items()
        }
        return self.with_file(self.file.model_copy(update={"wagons": entries}))

    def with_settings(self, **given: Any) -> Train:
        """Returns a train that runs in another way.

        Args:
            **given: Options of `tau3mu.run` instead of those of the train; None is not given.

        Raises:
            InputError: An option is not known or has a value that it cannot have.
        """
        from tau3mu.run.settings import is_given, recordable

        own = self.file.settings.model_dump(mode="json", exclude_defaults=True)
        own |= {key: recordable(key, one) for key, one in given.items() if is_given(one)}
        settings = Document(own, "options", "train").validate(TrainSettings)
        return self.with_file(self.file.model_copy(update={"settings": settings}))

    def with_file(self, file: TrainFile) -> Train:
        """Returns a train with another content.

        Args:
            file: Its content, with absolute paths.
        """
        train = Train.__new__(Train)
        train._document, train._folder = self._document, self._folder
        train._classes = dict(self._classes)
        train.file = file
        train.wagons = {name: train._wagon(name, entry) for name, entry in file.wagons.items()}
        return train

    @property
    def hash(self) -> str:
        """A hash of all that the results depend on, but for data, code and settings."""
        from tau3mu.processing.parameters import with_hash

        digest: str = with_hash({name: one.hash for name, one in self.resolved.items()})["hash"]
        return digest

    @cached_property
    def _reads(self) -> dict[str, tuple[str, ...]]:
        """Which of the datasets of the train are read for each of the results."""
        every = tuple(self.file.datasets)
        reads: dict[str, set[str]] = {
            name: set(one.datasets or every) if one.wagon in self.file.wagons else set()
            for name, one in self.resolved.items()
        }
        for name, one in reversed(self.resolved.items()):
            for need in one.needs:
                reads[need] |= reads[name]  # nothing new for one that is in the file
        return {name: tuple(one for one in every if one in own) for name, own in reads.items()}

    def readers(self) -> list[tuple[str, ...] | None]:
        """Returns the names of the results that each dataset is read for, None for all."""
        found = []
        for dataset in self.file.datasets:
            names = tuple(name for name, own in self._reads.items() if dataset in own)
            found.append(None if len(names) == len(self._reads) else names)
        return found

    def processors(self) -> list[Processor]:
        """Returns the processors of all results, what is needed first."""
        return [one.processor for one in self.resolved.values()]

    def fits(self) -> dict[str, FitModel | None]:
        """Returns the fit of each result, None where nothing is fitted."""
        return {name: one.fit for name, one in self.resolved.items()}

    def skims(self) -> dict[str, SkimRequest]:
        """Returns what is asked for as derived data, by the names of the results."""
        from tau3mu.derived import SkimRequest

        asked = {name: one.outputs.skim for name, one in self.resolved.items()}
        return {
            name: SkimRequest(**skim.model_dump(exclude_none=True))
            for name, skim in asked.items()
            if skim is not None
        }

    def settings(self, **given: Any) -> Settings:
        """Returns how it runs.

        Args:
            **given: Options of `tau3mu.run` instead of those of the train.

        Raises:
            InputError: Some do not go together.
        """
        from tau3mu.run.settings import Settings, is_given

        own = self.file.settings.model_dump(exclude_defaults=True)
        kept = {name: value for name, value in own.items() if name not in _OF_DATASETS}
        return Settings.of(**(kept | {key: one for key, one in given.items() if is_given(one)}))

    def datasets(self, *, short: float | None = None, store: Store | None = None) -> list[Dataset]:
        """Returns what it reads.

        Args:
            short: A fraction of the events, from all files.
            store: In which datasets are registered; see `Store`.

        Raises:
            InputError: One cannot be found.
        """
        return [one.dataset for one in self.found_datasets(short=short, store=store)]

    def found_datasets(
        self, *, short: float | None = None, store: Store | None = None
    ) -> list[ResolvedDataset]:
        """Returns what it reads, with the versions of registered datasets.

        Args:
            short: A fraction of the events, from all files.
            store: In which datasets are registered; see `Store`.

        Raises:
            InputError: One cannot be found.
        """
        from tau3mu.train.finding import find

        names, settings = self.dataset_names(short=short), dict(self.file.settings)
        return find(names, settings, store, readers=self.readers())

    def dataset_names(self, *, short: float | None = None) -> list[str]:
        """Returns the names of what it reads, such as `demo@short:0.01`.

        Args:
            short: A fraction of the events, instead of those that the train asks for.
        """
        if short is None:
            return list(self.file.datasets)
        return [f"{name.partition('@short:')[0]}@short:{short:g}" for name in self.file.datasets]

    def __eq__(self, other: object) -> bool:
        """Returns whether both have the same content."""
        return isinstance(other, Train) and (self.file, self._classes) == (
            other.file,
            other._classes,
        )

    def __hash__(self) -> int:
        """Returns a hash, equal for equal trains."""
        return hash(self.file.model_dump_json())

    def __repr__(self) -> str:
        """Returns the names of its wagons and datasets."""
        return f"Train({list(self.wagons)}, {list(self.file.datasets)})"

    def _repr_html_(self) -> str:
        return self._html(", ".join(self.file.datasets))

    def _html(self, caption: str) -> str:
        from tau3mu.train.parameters import changed_rows

        try:
            return in_notebook(part("table", changed_rows(self.resolved), caption))
        except InputError as error:  # an object that is wrong has to show itself, too
            return in_notebook(part("messages", [str(error)]))


def _by_name(wagons: Mapping[str, Wagon] | Iterable[Wagon]) -> dict[str, Wagon]:
    if isinstance(wagons, Mapping):
        return dict(wagons)
    named: dict[str, Wagon] = {}
    for wagon in wagons:
        if wagon.name in named:
            message = f"two wagons are called {wagon.name!r}: give one another name"
            raise InputError(message, code="train.same-name", path=wagon.name)
        named[wagon.name] = wagon
    return named

"""The language of train files: the model that a YAML or JSON file describes.

Nothing here imports what processors need, so the file alone is checked at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, create_model, model_validator

from tau3mu.config.documents import Strict
from tau3mu.errors import InputError, suggest
from tau3mu.fit.language.base import Name
from tau3mu.run.settings import Settings, option_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

__all__ = [
    "AUTO",
    "BASE",
    "SETTINGS",
    "Analysis",
    "Limits",
    "Outputs",
    "Skim",
    "TrainFile",
    "TrainSettings",
    "WagonEntry",
]

BASE: Final = "base"
"""What the wagon itself is called among its variants."""
AUTO: Final = "auto"
"""Stands for the shipped fit of a processor, if it has one."""

SETTINGS: Final = (
    *("executor", "workers", "scheduler", "cluster", "site", "insecure", "chunk_size"),
    *("no_sharing", "prefix", "layout", "max_files", "verify_checksum", "proxy", "certification"),
    *("brilcalc", "per_run", "skip_bad_files", "allow_missing", "retries", "timeout", "candidates"),
    "n_minus_one",
)


class Analysis(Strict):
    """Who does the analysis, and what it is about."""

    name: Name | None = Field(default=None, description="A short name.")
    title: str = Field(default="", description="A title, for tables and reports.")
    authors: tuple[str, ...] = Field(default=(), description="Who does it.")
    contact: str = Field(default="", description="Whom to ask, such as a mail address.")
    description: str = Field(default="", description="Free text.")


class Skim(Strict):
    """Data that a wagon writes for later runs: the events that are left after a step."""

    kind: Literal["standard", "slim", "linked"] = Field(
        default="standard",
        description="`standard`: events in the layout of the ntuples, which other runs read. "
        "`slim`: the candidates of all files, merged. `linked`: keys of events, which are read "
        "from the files of the parent.",
    )
    at: str = Field(
        default="",
        description="The step of the cutflow after which events are kept; needed but for `slim`, "
        "which is of all cuts.",
    )
    max_mb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="The largest size of `slim` data, in MB."
    )

    @model_validator(mode="after")
    def _check(self) -> Skim:
        if self.kind == "slim" and self.at:
            _refuse("conflicting-keys", "slim data are of all cuts: leave 'at' out", "at")
        if self.kind != "slim" and not self.at:
            _refuse("missing-key", "missing key; give the name of a step", "at")
        return self


class Outputs(Strict):
    """What a wagon writes besides its results."""

    skim: Skim | None = Field(default=None, description="Derived data.")


class Limits(Strict):
    """What a wagon may need; its test warns above, and fails far above."""

    memory_mb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="The memory of one process, in MB."
    )
    cpu_hours: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="The CPU time for the whole datasets, in hours. Above it, a train needs "
        "`--approve`.",
    )
    min_reduction: Annotated[float, Field(gt=1)] | None = Field(
        default=None, description="How many times smaller a skim has to be than what it reads."
    )
    output_mb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="What is written for the whole datasets, in MB."
    )


class WagonEntry(Strict):
    """A processor with its parameters and variants, and what is made of it.

    The wagon `NAME` gives results under `NAME`, and its variants under `NAME_VARIANT`.
    """

    processor: Annotated[str, Field(min_length=1)] = Field(
        description="An installed processor, or one from a Python file, as "
        "`path/to/file.py:Class`. Paths start from the folder of the train file."
    )
    parameters: dict[str, Any] = Field(
        default={}, description="Values of parameters other than their defaults."
    )
    variants: dict[Name, dict[str, Any]] = Field(
        default={},
        description="Variants by name: what each changes of the parameters of the wagon. Objects "
        "change single keys (JSON Merge Patch).",
    )
    needs: tuple[str, ...] = Field(
        default=(),
        description="Results of other wagons, or installed processors, whose selection on the same "
        "events the processor uses. They are added to the train by themselves.",
    )
    datasets: tuple[str, ...] = Field(
        default=(),
        description="Which of the `datasets` of the train it reads, by the same words; all by "
        "default.",
    )
    fit: str | None = Field(
        default=AUTO,
        description="A shipped fit or a fit file; `auto` is the shipped fit of the processor, if "
        "it has one; `null` is no fit.",
    )
    outputs: Outputs = Field(default=Outputs(), description="What is written besides results.")
    limits: Limits = Field(default=Limits(), description="What it may need.")
    active: bool | tuple[Name, ...] = Field(
        default=True,
        description="Whether it is part of the train; or a list of those that are, of its variants "
        "and `base`, the wagon itself.",
    )

    @property
    def members(self) -> list[str]:
        """Which of `base` and the variants are active, in their order."""
        if self.active is False:
            return []
        every = [BASE, *self.variants]
        return every if self.active is True else [name for name in every if name in self.active]

    def patch_of(self, variant: str) -> dict[str, Any]:
        """Returns what a variant changes of the wagon; nothing for `base`."""
        return {} if variant == BASE else self.variants[variant]

    @model_validator(mode="after")
    def _check(self) -> WagonEntry:
        if BASE in self.variants:
            text = "is what the wagon itself is called in 'active': choose another name"
            _refuse("taken-name", text, f"variants.{BASE}")
        if not isinstance(self.active, bool):
            for number, name in enumerate(self.active):
                if name not in (BASE, *self.variants):
                    known = (BASE, *self.variants)
                    text = f"there is no variant {name!r}{suggest(name, known)}{_listed(known)}"
                    _refuse("unknown-variant", text, f"active[{number}]")
        return self


def _settings_model() -> type[Strict]:
    """Returns the model of the settings: options of a run, as they are declared there."""
    fields: dict[str, Any] = {}
    for name in SETTINGS:
        if name not in Settings.model_fields:
            continue
        field = Settings.model_fields[name]
        kind = Annotated[(field.annotation, *field.metadata)]  # type: ignore[name-defined]
        fields[name] = (kind, Field(default=field.default, description=option_of(name).help))
    made = create_model("TrainSettings", __base__=Strict, **fields)
    made.__doc__ = "How a train runs: options of `python -m tau3mu.run`, under their names there."
    return made


TrainSettings: Any = _settings_model()


class TrainFile(Strict):
    """A train: the wagons that run in one pass over some datasets."""

    model_config = ConfigDict(title="TrainFile")

    schema_version: Literal[1] = Field(description="The version of this language.")
    require: str = Field(
        default="", description="The versions of tau3mu that will do, such as `>=0.9`."
    )
    analysis: Analysis = Field(default=Analysis(), description="Who, and what it is about.")
    wagons: Annotated[dict[Name, WagonEntry], Field(min_length=1)] = Field(
        description="The wagons by name."
    )
    datasets: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)] = (
        Field(
            description="What is read: shipped or registered datasets, dataset files, and ntuples; "
            "`NAME@short:0.01` is a hundredth of a dataset. Paths start from the folder of the "
            "train file."
        )
    )
    settings: TrainSettings = Field(default=TrainSettings(), description="How it runs.")

    @model_validator(mode="after")
    def _check(self) -> TrainFile:
        for name, wagon in self.wagons.items():
            for number, dataset in enumerate(wagon.datasets):
                if dataset not in self.datasets:
                    text = (
                        f"{dataset!r} is not among the datasets of the train"
                        f"{suggest(dataset, self.datasets)}{_listed(self.datasets)}"
                    )
                    _refuse("unknown-dataset", text, f"wagons.{name}.datasets[{number}]")
            for number, need in enumerate(wagon.needs):
                own, other = wagon.datasets or self.datasets, self._wagon_of(need)
                missing = set(own).difference((other and other.datasets) or self.datasets)
                if missing:
                    text = f"{need} does not read {min(missing)}, which {name} reads: add it there"
                    _refuse("need-not-read", text, f"wagons.{name}.needs[{number}]")
        read = {one for wagon in self.wagons.values() for one in wagon.datasets or self.datasets}
        for number, dataset in enumerate(self.datasets):
            if dataset not in read:
                text = "no wagon reads it: add it to the datasets of one, or leave it out"
                _refuse("unread-dataset", text, f"datasets[{number}]")
        return self

    def _wagon_of(self, results: str) -> WagonEntry | None:
        """Returns the wagon that makes results of a name, None if it is not in the file."""
        names = (
            (wagon if variant == BASE else f"{wagon}_{variant}", entry)
            for wagon, entry in self.wagons.items()
            for variant in (BASE, *entry.variants)
        )
        return next((entry for name, entry in names if name == results), None)


def _listed(names: Iterable[str]) -> str:
    return f"; there are {', '.join(names)}"


def _refuse(code: str, text: str, at: str) -> NoReturn:
    raise InputError(text, code=code, path=at)

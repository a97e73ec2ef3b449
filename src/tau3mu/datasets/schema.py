"""The two forms of an entry of a dataset file, as pydantic models."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Literal, NoReturn

from pydantic import Discriminator, Field, RootModel, Tag, field_validator, model_validator

from tau3mu.config.documents import Strict
from tau3mu.config.problems import shown
from tau3mu.datasets.checksum import parse_checksum
from tau3mu.errors import InputError
from tau3mu.storage.locations import split_tree

__all__ = ["DatasetFile", "FileEntry", "FilesetEntry", "Metadata", "TutorialEntry"]

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Text = Annotated[str, Field(min_length=1)]


class Metadata(Strict):
    """Facts of a dataset beside its files."""

    unknown_key_hint: ClassVar[str] = "put keys of your own into metadata.extra"

    era: _Text | None = None
    is_mc: bool = False
    lumi: _Positive | None = None
    lumi_source: _Text | None = None
    brilcalc: _Text | None = None
    generated: _Positive | None = None
    energy: _Positive | None = None
    cross_section: _Positive | None = None
    layout: _Text | None = None
    certification: _Text | None = None
    linked: _Text | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @field_validator("extra")
    @classmethod
    def _leaves_names_alone(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted({"dataset", "era", "is_mc", "lumi"} & extra.keys()):
            message = f"{taken[0]!r} is a key of metadata itself, expected other names"
            raise InputError(message, code="dataset.reserved-name", path=taken[0])
        return extra


class FileEntry(Strict):
    """One file; what is not in the manual are coffea's records of its own preprocessing."""

    object_path: _Text | None = None
    tree: _Text | None = None
    replicas: list[_Text] = Field(default_factory=list)
    checksum: str | None = None
    entries: Annotated[int, Field(ge=0)] | None = None
    steps: list[Annotated[list[int], Field(min_length=2, max_length=2)]] | None = None
    num_entries: int | None = None
    num_selected_entries: int | None = None
    format: Literal["root"] = "root"
    uuid: str | None = None
    lfn: str | None = None
    pfn: str | None = None

    @field_validator("checksum")
    @classmethod
    def _is_checksum(cls, checksum: str | None) -> str | None:
        return None if checksum is None else parse_checksum(checksum)

    @model_validator(mode="after")
    def _has_one_tree(self) -> FileEntry:
        if self.tree is not None and self.object_path is not None:
            message = "has both tree and object_path, expected one of them"
            raise InputError(message, code="dataset.two-trees")
        return self

    @model_validator(mode="after")
    def _covers_the_file(self) -> FileEntry:
        if self.steps is None:
            return self
        edges = [0, *(stop for _, stop in self.steps)]
        if [start for start, _ in self.steps] != edges[:-1] or edges[-1] != self.num_entries:
            message = "its steps skip events, expected whole files: remove the steps"
            raise InputError(message, code="dataset.steps-skip-events")
        return self


class FilesetEntry(Strict):
    """A dataset in coffea's form."""

    files: Annotated[dict[_Text, FileEntry], Field(min_length=1)]
    metadata: Metadata = Metadata()
    format: Literal["root"] = "root"
    compressed_form: str | None = None
    did: str | None = None

    @field_validator("files", mode="before")
    @classmethod
    def _short_forms(cls, files: object) -> object:
        if isinstance(files, list):
            known = [_of_list(index, entry) for index, entry in enumerate(files)]
            if len({path for path, _ in known}) < len(known):
                message = "a file is listed twice; its events would count twice"
                raise InputError(message, code="dataset.listed-twice")
            return dict(known)
        if not isinstance(files, dict):
            _refuse('an object {"path": "tree"} or a list of paths', files)
        for path, entry in files.items():
            if not (entry is None or isinstance(entry, str | dict)):
                _refuse("the name of a tree, null or an object", entry, json.dumps(path))
        return {
            path: {"object_path": entry} if entry is None or isinstance(entry, str) else entry
            for path, entry in files.items()
        }

    def entries(self) -> list[tuple[str, FileEntry]]:
        """Returns the files and their entries."""
        return list(self.files.items())

    def facts(self) -> Metadata:
        """Returns the facts of the dataset."""
        return self.metadata


class TutorialEntry(Strict):
    """A dataset in the form of the tutorial: all files of a folder in one text."""

    type: Literal["data", "mc"]
    rootpath: str
    files: _Text
    treename: _Text
    skim: str | None = None
    era: _Text | None = None
    lumi: _Positive | None = None

    def entries(self) -> list[tuple[str, FileEntry]]:
        """Returns the files, `rootpath` before their names, and their trees."""
        folder = f"{self.rootpath.rstrip('/')}/" if self.rootpath else ""
        return [(folder + name, FileEntry(tree=self.treename)) for name in self.files.split()]

    def facts(self) -> Metadata:
        """Returns the facts of the dataset."""
        extra = {} if self.skim is None else {"skim": self.skim}
        return Metadata(era=self.era, is_mc=self.type == "mc", lumi=self.lumi, extra=extra)


def _of_list(index: int, entry: object) -> tuple[str, object]:
    """Returns a file and its entry from an element of a list.

    The element is `path` or `path:tree`, a list of replicas in such a form, or an object with
    `replicas`; the first replica is what the file is called.
    """
    facts: dict[str, object] = {}
    places: object = entry
    if isinstance(entry, dict):
        facts = {key: value for key, value in entry.items() if key != "replicas"}
        places = entry.get("replicas")
    places = [places] if isinstance(places, str) else places
    if not isinstance(places, list) or not places or not all(_is_text(each) for each in places):
        _refuse("a path, a list of replicas or an object with 'replicas'", entry, str(index))
    split = [split_tree(text) for text in places]
    trees = sorted({tree for _, tree in split if tree is not None})
    if len(trees) > 1:
        message = f"its replicas have the trees {' and '.join(trees)}, expected one"
        raise InputError(message, code="dataset.two-trees", path=f"[{index}]")
    tree = {"object_path": trees[0]} if trees else {}
    path, *replicas = [path for path, _ in split]
    return path, {**tree, **({"replicas": replicas} if replicas else {}), **facts}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _refuse(expected: str, given: object, key: str = "") -> NoReturn:
    message = f"expected {expected}, got {shown(given)}"
    raise InputError(message, code="dataset.wrong-type", path=f"[{key}]" if key else "")


def _form(entry: object) -> str:
    keys = {"rootpath", "skim", "treename", "type"}
    return "tutorial" if isinstance(entry, dict) and keys & entry.keys() else "fileset"


_Entry = Annotated[
    Annotated[FilesetEntry, Tag("fileset")] | Annotated[TutorialEntry, Tag("tutorial")],
    Discriminator(_form),
]


class DatasetFile(RootModel[Annotated[dict[str, _Entry], Field(min_length=1)]]):
    """The datasets of a file by their names."""

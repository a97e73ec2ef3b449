"""The two forms of an entry of a dataset file, as pydantic models with messages for people."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tau3mu.datasets.checksum import parse_checksum
from tau3mu.errors import InputError, suggest
from tau3mu.storage.locations import split_tree

__all__ = ["FileEntry", "FilesetEntry", "Metadata", "TutorialEntry", "parse_entry"]

_Lumi = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Text = Annotated[str, Field(min_length=1)]

_CUSTOM: Final = "custom"

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "an object {...}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above 0",
    "greater_than_equal": "0 or more",
    "int_type": "an integer",
    "list_type": "a list [...]",
    "model_type": "an object {...}",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "too_short": "at least one entry",
}
_FILES = 'an object {"path": "tree"} or a list of paths'
_TREE = "the name of a tree, null or an object"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Metadata(_Strict):
    """What a dataset is, beside its files."""

    era: _Text | None = None
    is_mc: bool = False
    lumi: _Lumi | None = None
    layout: _Text | None = None
    extra: dict[str, Any] = {}

    @field_validator("extra")
    @classmethod
    def _leaves_names_alone(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted({"dataset", "era", "is_mc", "lumi"} & extra.keys()):
            message = "{name} has a place of its own; expected other names"
            raise PydanticCustomError(_CUSTOM, message, {"name": taken[0]})
        return extra


class FileEntry(_Strict):
    """One file; what is not in the manual are coffea's records of its own preprocessing."""

    object_path: _Text | None = None
    tree: _Text | None = None
    replicas: list[_Text] = []
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
        try:
            return None if checksum is None else parse_checksum(checksum)
        except InputError as error:
            # Braces are what pydantic fills in.
            raise PydanticCustomError(_CUSTOM, "{problem}", {"problem": str(error)}) from error

    @model_validator(mode="after")
    def _has_one_tree(self) -> FileEntry:
        if self.tree is not None and self.object_path is not None:
            message = "has both tree and object_path; expected one of them"
            raise PydanticCustomError(_CUSTOM, message)
        return self

    @model_validator(mode="after")
    def _covers_the_file(self) -> FileEntry:
        if self.steps is None:
            return self
        edges = [0, *(stop for _, stop in self.steps)]
        if [start for start, _ in self.steps] != edges[:-1] or edges[-1] != self.num_entries:
            message = "its steps leave events out; expected whole files, so remove the steps"
            raise PydanticCustomError(_CUSTOM, message)
        return self


class FilesetEntry(_Strict):
    """A dataset in coffea's form."""

    files: Annotated[dict[_Text, FileEntry], Field(min_length=1)]
    metadata: Metadata = Metadata()
    format: Literal["root"] = "root"
    compressed_form: str | None = None
    did: str | None = None

    @field_validator("files", mode="before")
    @classmethod
    def _short_forms(cls, files: object) -> object:
        if isinstance(files, list) and (entries := [_of_list(each) for each in files]):
            if None in entries:
                return files
            known = [entry for entry in entries if entry is not None]
            if len({path for path, _ in known}) < len(known):
                message = "a file is listed twice; its events would count twice"
                raise PydanticCustomError(_CUSTOM, message)
            return dict(known)
        if isinstance(files, list):
            return {}
        if isinstance(files, dict):
            return {
                path: {"object_path": entry} if entry is None or isinstance(entry, str) else entry
                for path, entry in files.items()
            }
        return files

    def entries(self) -> list[tuple[str, FileEntry]]:
        """Returns the files, and what is said of each."""
        return list(self.files.items())

    def facts(self) -> Metadata:
        """Returns what the dataset is."""
        return self.metadata


class TutorialEntry(_Strict):
    """A dataset in the form of the tutorial: all files of a folder in one text."""

    type: Literal["data", "mc"]
    rootpath: str
    files: _Text
    treename: _Text
    skim: str | None = None
    era: _Text | None = None
    lumi: _Lumi | None = None

    def entries(self) -> list[tuple[str, FileEntry]]:
        """Returns the files, `rootpath` before their names, and their trees."""
        folder = f"{self.rootpath.rstrip('/')}/" if self.rootpath else ""
        return [(folder + name, FileEntry(tree=self.treename)) for name in self.files.split()]

    def facts(self) -> Metadata:
        """Returns what the dataset is."""
        extra = {} if self.skim is None else {"skim": self.skim}
        return Metadata(era=self.era, is_mc=self.type == "mc", lumi=self.lumi, extra=extra)


def _of_list(entry: object) -> tuple[str, object] | None:
    """Returns a file and its entry from an element of a list, None if it is none.

    The element is `path` or `path:tree`, a list of replicas in such a form, or an object with
    `replicas`; the first replica is what the file is called.
    """
    facts: dict[str, object] = {}
    if isinstance(entry, dict):
        facts = {key: value for key, value in entry.items() if key != "replicas"}
        entry = entry.get("replicas")
    places = [entry] if isinstance(entry, str) else entry
    if not isinstance(places, list) or not places:
        return None
    texts = [place for place in places if isinstance(place, str) and place]
    if len(texts) < len(places):
        return None
    split = [split_tree(text) for text in texts]
    trees = sorted({tree for _, tree in split if tree is not None})
    if len(trees) > 1:
        message = "its replicas have the trees {trees}; expected one"
        raise PydanticCustomError(_CUSTOM, message, {"trees": " and ".join(trees)})
    tree = {"object_path": trees[0]} if trees else {}
    path, *replicas = [path for path, _ in split]
    return path, {**tree, **({"replicas": replicas} if replicas else {}), **facts}


_NESTED: dict[str, type[_Strict]] = {"files": FileEntry, "metadata": Metadata}


def parse_entry(entry: object) -> FilesetEntry | TutorialEntry:
    """Returns an entry of a dataset file as the model of the form that it has.

    Raises:
        InputError: Something in it is wrong; the message has one line per problem.
    """
    tutorial_keys = {"rootpath", "skim", "treename", "type"}
    of_tutorial = isinstance(entry, dict) and bool(tutorial_keys & entry.keys())
    model = TutorialEntry if of_tutorial else FilesetEntry
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        problems = [_explain(model, problem) for problem in error.errors()]
        raise InputError("\n".join(problems)) from error


def _explain(model: type[_Strict], problem: Any) -> str:
    kind, value = problem["type"], _shown(problem["input"])
    loc = [part for part in problem["loc"] if part != "[key]"]
    where = "".join(f".{p}" if str(p).isidentifier() else f"[{json.dumps(p)}]" for p in loc)
    where = where.removeprefix(".")
    if kind == "missing":
        return f"key {where!r} is missing"
    if kind == "extra_forbidden":
        return _unknown_key(model if len(loc) == 1 else _NESTED[loc[0]], str(loc[-1]), where)
    at = f"{where}: " if where else ""
    if kind == _CUSTOM:
        return f"{at}{problem['msg']}"
    expected = _EXPECTED.get(kind, problem["msg"].removeprefix("Input should be "))
    if loc[:1] == ["files"] and kind in {"dict_type", "model_type"}:
        expected = _FILES if len(loc) == 1 else _TREE
    return f"{at}got {value}, expected {expected}"


def _unknown_key(model: type[_Strict], key: str, where: str) -> str:
    known = list(model.model_fields)
    hint = "; keys of your own go into metadata.extra" if model is Metadata else ""
    return f"unknown key {where!r}{suggest(key, known)}; known: {', '.join(known)}{hint}"


def _shown(value: object, limit: int = 60) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 3] + "..."

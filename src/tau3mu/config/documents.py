"""Documents of users: JSON, YAML and TOML files, read and validated in one way.

A language of files, such as that of site files, is a model derived from `Strict`:

    document = read_document(path, "site file", language="site")
    site = document.validate(SiteFile)

All that is wrong is listed in one `InputError`, one line for each problem, with file, line and
keys. Code and path of the error are those of the first problem.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tau3mu.config.input_files import read_text, user_path
from tau3mu.config.lines import lines_of
from tau3mu.config.problems import Problem, key_path, problems_of
from tau3mu.config.syntax import parse_json, parse_toml, parse_yaml, unique_keys
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Document", "Strict", "read_document"]

_Model = TypeVar("_Model", bound=BaseModel)
_MOST_PROBLEMS: Final = 20
_MOST_BYTES: Final = 100_000_000
_PARSERS: Final = {
    ".json": lambda text: parse_json(text, object_pairs_hook=unique_keys),
    ".toml": parse_toml,
    ".yaml": parse_yaml,
    ".yml": parse_yaml,
}


class Strict(BaseModel):
    """A part of a document: no unknown keys, no numbers in quotes, no inf or nan, no change.

    What a validator raises as `ValueError` is explained with the keys of its part; an `InputError`
    may add a code, and a path relative to the part.

    Attributes:
        unknown_key_hint: The end of the messages about unknown keys of a part.
    """

    unknown_key_hint: ClassVar[str] = ""
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Document:
    """The content of a document, with what messages need to name places in it.

    Attributes:
        content: What it contains.
        source: Its name in messages, such as `site file /home/me/site.toml`.
        language: The beginning of the codes of errors, such as `site`.
        suffix: Of its file, such as `.toml`; empty if there is none.
        text: The text of its file.
    """

    content: Mapping[str, Any]
    source: str
    language: str = "config"
    suffix: str = ""
    text: str = field(default="", repr=False)

    def validate(
        self,
        model: type[_Model],
        *,
        context: Mapping[str, Any] | None = None,
        more: Callable[[], Sequence[Problem]] = tuple,
    ) -> _Model:
        """Returns the document as a model.

        Args:
            model: Derived from `Strict`; lists are accepted where it has tuples.
            context: For its validators.
            more: Finds what else is wrong with a document that does not fit the model.

        Raises:
            InputError: The document does not fit the model.
        """
        try:
            # As JSON, in which a strict model takes lists for tuples and strings for paths.
            text = json.dumps(dict(self.content), default=_text)
            return model.model_validate_json(text, context=dict(context or {}))
        except ValidationError as error:
            raise self.error([*problems_of(error, model, self.content), *more()]) from error

    def error(self, problems: Sequence[Problem]) -> InputError:
        """Returns the error that lists problems of this document.

        Args:
            problems: At least one.
        """
        listed = self.sentences(problems[:_MOST_PROBLEMS])
        if more := len(problems) - len(listed):
            listed.append(f"... and {more} more")
        code = problems[0].code
        return InputError(
            "\n".join(dict.fromkeys(listed)),
            code=code if "." in code else f"{self.language}.{code}",
            path=key_path(problems[0].keys),
        )

    def sentences(self, problems: Sequence[Problem]) -> list[str]:
        """Returns what is said of problems: file, line, keys and the problem.

        Args:
            problems: Of this document.
        """
        lines = lines_of(self.text, self.suffix) if self.text else {}
        return [self._sentence(problem, lines) for problem in problems]

    def _sentence(self, problem: Problem, lines: Mapping[tuple[str | int, ...], int]) -> str:
        above = (problem.keys[:size] for size in range(len(problem.keys), 0, -1))
        line = next((lines[keys] for keys in above if keys in lines), None)
        place = self.source if line is None else f"{self.source}, line {line}"
        keys = key_path(problem.keys)
        return f"{place}: {keys}: {problem.sentence}" if keys else f"{place}: {problem.sentence}"


def _text(value: Any) -> str:
    """Returns a value that JSON does not have, such as a time of TOML, as it was written."""
    return str(value) if hasattr(value, "isoformat") else repr(value)


def read_document(path: str | Path, what: str, *, language: str = "config") -> Document:
    """Returns the content of a JSON, YAML or TOML file of a user.

    Args:
        path: Of the file, in TOML or YAML if its name ends in `.toml`, `.yaml` or `.yml`, else in
            JSON.
        what: What it is to the user, such as "site file".
        language: The beginning of the codes of errors, such as `site`.

    Raises:
        InputError: It cannot be read, has syntax errors or equal keys in one object, or is not an
            object with keys.
    """
    file = user_path(path)
    source = f"{what} {file}"
    suffix = file.suffix if file.suffix in _PARSERS else ".json"
    if file.is_file() and (size := file.stat().st_size) > _MOST_BYTES:
        message = f"{source} has {size} bytes, expected at most {_MOST_BYTES}"
        raise InputError(message, code=f"{language}.too-large", path=file)
    text = read_text(file, what)
    try:
        content = _PARSERS[suffix](text)
    except InputError as error:
        code = error.code.replace("config.", f"{language}.")
        message = f"{source}: {error}"
        raise InputError(message, code=code, path=file) from error
    document = Document(content, source, language, suffix, text)
    if not isinstance(content, dict):
        raise document.error([Problem((), "wrong-type", "", "an object with keys", content)])
    return document

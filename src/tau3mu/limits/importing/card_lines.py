"""The lines of a card of Combine, with their numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from tau3mu.config.input_files import read_text
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Card", "Column", "Line", "is_card", "read_card"]

_KEYWORDS: Final = ("imax", "jmax", "kmax", "shapes", "bin", "observation", "process", "rate")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]*")
_COLUMN_TYPES: Final = ("lnN", "shape", "shape?", "gmN")

_NOT_SUPPORTED: Final = {
    "autoMCStats": "statistical uncertainties of templates; without the line, they are left out",
    "lnU": "a uniform factor",
    "unif": "a uniform parameter",
    "flatParam": "a parameter of a workspace",
    "param": "a parameter with a constraint of its own",
    "extArg": "a parameter of a workspace",
    "discrete": "a choice among functions of a workspace",
    "trG": "a truncated Gaussian factor",
    "gmM": "a gamma factor without a number of events",
    "shapeN": "logarithmic interpolation of templates",
    "shapeU": "templates without a constraint",
}
"""Types of lines that a model file cannot express, and what they are."""


@dataclass(frozen=True)
class Line:
    """A line of a card.

    Attributes:
        path: The card.
        number: From 1.
        words: Of the line, without comments.
    """

    path: Path
    number: int
    words: tuple[str, ...]

    def refuse(self, code: str, message: str) -> NoReturn:
        """Raises the error for something that is wrong in this line.

        Args:
            code: The kind of the problem.
            message: What is wrong.
        """
        where = f"{self.path}:{self.number}"
        message = f"{where}: {message}"
        raise InputError(message, code=code, path=where)

    def number_of(self, word: str) -> float:
        """Returns the number that a word is.

        Args:
            word: One of the line.
        """
        try:
            return float(word)
        except ValueError:
            self.refuse("limits.not-a-number", f"expected a number, got {word!r}")


@dataclass(frozen=True)
class Column:
    """A process of a channel, as a column of the card.

    Attributes:
        channel: The name of the channel.
        process: The name of the process.
        signal: Whether its number is 0 or less.
        rate: What is expected; −1 if that is in the template.
    """

    channel: str
    process: str
    signal: bool
    rate: float


@dataclass
class Card:
    """A card: channels and processes, and the lines that say more of them.

    Attributes:
        path: The card.
        columns: The processes of all channels.
        rate: The line of the rates.
        observed: By channel; −1 if that is in the template, empty if nothing is said.
        observation: The line of them.
        shapes: Where templates are.
        nuisances: Lines with one entry per column.
        factors: Lines with `rateParam`.
    """

    path: Path
    columns: list[Column]
    rate: Line
    observed: dict[str, float]
    observation: Line
    shapes: list[Line] = field(default_factory=list)
    nuisances: list[Line] = field(default_factory=list)
    factors: list[Line] = field(default_factory=list)


def is_card(text: str) -> bool:
    """Returns whether a text looks like a card rather than a document in JSON or YAML.

    Args:
        text: Of the whole file.
    """
    first = [line.split()[0] for line in text.splitlines() if line.strip()]
    return sum(word in _KEYWORDS for word in first) >= 3


def read_card(path: Path) -> Card:
    """Returns the lines of a card, sorted by what they say.

    Args:
        path: A text file.

    Raises:
        InputError: It cannot be read, or a line has no meaning, or one that is not supported.
    """
    lines = []
    for number, text in enumerate(read_text(path, "card").splitlines(), 1):
        words = tuple(text.partition("#")[0].split())
        if words and not words[0].startswith("--"):
            lines.append(Line(path, number, words))
    named: dict[str, list[Line]] = {key: [] for key in _KEYWORDS}
    rest: list[Line] = []
    for line in lines:
        key = line.words[0].lower()
        named.get(key, rest).append(line)
    card = _columns(path, named)
    card.shapes = named["shapes"]
    for line in rest:
        _sort(card, line)
    _check_numbers(card, named)
    return card


def _columns(path: Path, named: dict[str, list[Line]]) -> Card:
    """Returns the processes and observations of a card."""
    for key, times in (("bin", 2), ("process", 2), ("rate", 1), ("observation", 1)):
        if len(named[key]) != times:
            message = f"{path}: expected {times} lines that begin with {key!r}, got "
            message += str(len(named[key]))
            raise InputError(message, code="limits.missing-line", path=path)
    (of_observed, of_columns), processes, rate = named["bin"], named["process"], named["rate"][0]
    observed = _observed(of_observed, named["observation"][0])
    names, ids = processes
    if all(re.fullmatch(r"[+-]?\d+", word) for word in names.words[1:]):
        names, ids = ids, names
    for line in (names, ids, rate):
        if len(line.words) != len(of_columns.words):
            line.refuse("limits.wrong-length", f"expected {len(of_columns.words) - 1} columns as "
                        f"line {of_columns.number}, got {len(line.words) - 1}")  # fmt: skip
    columns: list[Column] = []
    for channel, process, number, expected in zip(
        of_columns.words[1:], names.words[1:], ids.words[1:], rate.words[1:], strict=True
    ):
        if channel not in observed:
            of_columns.refuse("limits.unknown-channel", f"there is no observation of {channel}")
        if not _NAME.fullmatch(process):
            names.refuse("limits.wrong-name", f"{process!r} is not a name for a process")
        if any((one.channel, one.process) == (channel, process) for one in columns):
            names.refuse("limits.listed-twice", f"{process} of {channel} is listed twice")
        value = rate.number_of(expected)
        if value < 0 and value != -1:
            rate.refuse("limits.out-of-range", f"expected a rate of 0 or more, got {value:g}")
        columns.append(Column(channel, process, ids.number_of(number) <= 0, value))
    for channel in observed:
        if all(one.channel != channel for one in columns):
            of_observed.refuse("limits.missing-line", f"channel {channel} has no process")
    return Card(path, columns, rate, observed, named["observation"][0])


def _observed(of_observed: Line, observation: Line) -> dict[str, float]:
    channels = of_observed.words[1:]
    for name in channels:
        if not _NAME.fullmatch(name):
            of_observed.refuse("limits.wrong-name", f"{name!r} is not a name for a channel")
    if len(set(channels)) < len(channels):
        of_observed.refuse("limits.listed-twice", "a channel is listed twice")
    if len(observation.words) - 1 != len(channels):
        observation.refuse("limits.wrong-length", f"expected {len(channels)} numbers, got "
                           f"{len(observation.words) - 1}")  # fmt: skip
    numbers = [observation.number_of(word) for word in observation.words[1:]]
    return dict(zip(channels, numbers, strict=True))


def _check_numbers(card: Card, named: dict[str, list[Line]]) -> None:
    """Compares imax, jmax and kmax with what is there."""
    processes = {column.process for column in card.columns}
    found = {"imax": len(card.observed), "jmax": len(processes) - 1, "kmax": len(card.nuisances)}
    for key, number in found.items():
        for line in named[key]:
            said = line.words[1] if len(line.words) > 1 else "*"
            if said != "*" and line.number_of(said) != number:
                line.refuse("limits.wrong-length", f"{key} is {said}, but the card has {number}")


def _sort(card: Card, line: Line) -> None:
    words = line.words
    if len(words) < 2:
        line.refuse("limits.unknown-line", f"{words[0]!r} has no meaning in a card")
    name, kind = words[:2]
    if name == "nuisance":
        line.refuse("limits.not-supported", "lines that edit nuisances are not supported: write "
                    "the edited ones")  # fmt: skip
    if kind in _NOT_SUPPORTED:
        line.refuse("limits.not-supported", f"{kind} ({_NOT_SUPPORTED[kind]}) is not supported")
    if kind == "group":  # a name for several nuisances, which the likelihood does not know
        return
    if kind == "rateParam":
        card.factors.append(line)
        return
    if kind not in _COLUMN_TYPES:
        line.refuse("limits.unknown-line", f"{kind!r} is not a type of nuisance that is known")
    if not _NAME.fullmatch(name):
        line.refuse("limits.wrong-name", f"{name!r} is not a name for a nuisance")
    if any(other.words[0] == name for other in card.nuisances):
        line.refuse("limits.listed-twice", f"nuisance {name} is there already")
    first = 3 if kind == "gmN" else 2
    values = words[first : first + len(card.columns)]
    if len(values) < len(card.columns):
        line.refuse("limits.wrong-length", f"expected {len(card.columns)} columns, got "
                    f"{len(values)}")  # fmt: skip
    more = words[first + len(card.columns) :]
    if more and re.fullmatch(r"[-+.\d/e]+", more[0]):  # words are remarks, as in Combine
        line.refuse("limits.wrong-length", f"expected {len(card.columns)} columns, and there are "
                    "more")  # fmt: skip
    card.nuisances.append(line)

"""The train files of the page: what they hold, and what `train check` finds in them.

The server reads them as text. Whatever imports processors, which runs users' code, is done by a
short process, `python -m tau3mu.train check --json`, and kept until a file changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError
from tau3mu.train.states import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tau3mu.train.store import Store

__all__ = ["Check", "TrainFile", "check_of", "known_file", "train_file", "train_files"]

_SUFFIXES: Final = {".yaml", ".yml", ".json"}
_WORDS: Final = {"schema_version", "wagons", "datasets"}
_TIMEOUT: Final = 300.0
_AGE: Final = 600.0
"""After so many seconds a check is made again, since it may depend on what nobody looks at."""
_LARGEST: Final = 1_000_000
_DIGITS: Final = 12


@dataclass(frozen=True)
class TrainFile:
    """A train file as the server reads it, without a check of what it says.

    Attributes:
        path: Where it is, absolute.
        id: Its name in addresses.
        digest: A hash of its content, empty if it cannot be read.
        content: Its content, empty if it cannot be read.
        problems: Why it cannot be read, with lines.
        code: Of the first of these.
    """

    path: Path
    id: str
    digest: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    code: str = ""

    @property
    def wagons(self) -> dict[str, list[str]]:
        """The results of each wagon that is active: of itself and of its variants."""
        found = {}
        for name, entry in _mapping(self.content.get("wagons")).items():
            content = _mapping(entry)
            active = content.get("active", True)
            members = ["base", *map(str, _mapping(content.get("variants")))]
            if isinstance(active, list):
                members = [one for one in members if one in active]
            if active is False or not members:
                continue
            found[str(name)] = [str(name) if one == "base" else f"{name}_{one}" for one in members]
        return found

    @property
    def datasets(self) -> list[str]:
        """What it reads, by its own words."""
        found = self.content.get("datasets")
        return [str(one) for one in found] if isinstance(found, list) else []

    @property
    def name(self) -> str:
        """Of the analysis, `train` without one."""
        return str(_mapping(self.content.get("analysis")).get("name") or "train")

    @property
    def title(self) -> str:
        """Of the analysis, or else the name of the file."""
        analysis = _mapping(self.content.get("analysis"))
        return str(analysis.get("title") or analysis.get("name") or self.path.name)

    @property
    def people(self) -> str:
        """Authors and contact of the analysis."""
        analysis = _mapping(self.content.get("analysis"))
        authors = analysis.get("authors")
        names = authors if isinstance(authors, list) else [authors]
        return ", ".join(str(one) for one in [*names, analysis.get("contact")] if one)


@dataclass(frozen=True)
class Check:
    """What `train check` says of a train file.

    Attributes:
        valid: Whether it can run.
        problems: A line for each, with the place.
        code: Of the first of these.
        read: Its datasets, each with `name` and `version`.
        wagons: A row for each result, with `results`, `wagon` and `variant`.
        train: Under which name tests of the whole train are kept.
        tests: For each wagon the last test that counts, or why none does.
    """

    valid: bool
    problems: tuple[str, ...] = ()
    code: str = ""
    read: tuple[dict[str, Any], ...] = ()
    wagons: tuple[dict[str, Any], ...] = ()
    train: str = ""
    tests: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def train_files(given: Sequence[Path], folder: Path) -> list[TrainFile]:
    """Returns the train files of a page.

    Args:
        given: Those that are named.
        folder: Whose train files are taken if none is named.
    """
    paths = given or (path for path in _listed(folder, "") if _is_train(path))
    return [train_file(path) for path in paths]


def known_file(files: Sequence[TrainFile], name: str) -> TrainFile:
    """Returns a train file by its name in addresses.

    Args:
        files: All of the page.
        name: Of the file.

    Raises:
        InputError: The page has no such file.
    """
    for one in files:
        if one.id == name:
            return one
    message = "the page has no such train file (any more); it shows those with which it was started"
    raise InputError(message, code="train.unknown-train-file", path=name)


def train_file(path: Path) -> TrainFile:
    """Returns a train file as it is now.

    Args:
        path: Where it is.
    """
    path = path.absolute()
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:_DIGITS]
    try:
        document = read_document(path, "train file", language="train")
    except InputError as error:
        return TrainFile(path, name, problems=tuple(str(error).splitlines()), code=error.code)
    digest = hashlib.sha256(document.text.encode()).hexdigest()
    return TrainFile(path, name, digest, document.content)


def check_of(store: Store, file: TrainFile, *, wait: bool) -> Check | None:
    """Returns what `train check` says of a train file; None if that is not known yet.

    Args:
        store: In which datasets and tests are.
        file: The train file.
        wait: Whether to wait for a check that is needed; else one is begun.
    """
    key = str(store.root), str(file.path)
    with _LOCK:
        found = _CHECKS.setdefault(key, _Checked())
    if wait:
        return found.now(store, file)
    if (known := found.known(_stamps(store, file))) is None and not found.is_busy:
        threading.Thread(target=found.now, args=(store, file), daemon=True).start()
    return known


class _Checked:
    """The last check of a train file, which is made once for all who ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamps: tuple[Any, ...] = ()
        self._made = 0.0
        self._check: Check | None = None

    @property
    def is_busy(self) -> bool:
        return self._lock.locked()

    def known(self, stamps: tuple[Any, ...]) -> Check | None:
        is_young = time.monotonic() - self._made < _AGE
        return self._check if stamps == self._stamps and is_young else None

    def now(self, store: Store, file: TrainFile) -> Check:
        with self._lock:
            stamps = _stamps(store, file)  # what changes meanwhile is checked the next time
            if (known := self.known(stamps)) is not None:
                return known
            with _ONE_AT_A_TIME:
                self._check = _run(store, file)
            self._stamps, self._made = stamps, time.monotonic()
            return self._check


_LOCK: Final = threading.Lock()
_ONE_AT_A_TIME: Final = threading.Lock()
_CHECKS: dict[tuple[str, str], _Checked] = {}


def _run(store: Store, file: TrainFile) -> Check:
    words = ["check", str(file.path), "--store", str(store.root), "--json"]
    command = [sys.executable, "-m", "tau3mu.train", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TIMEOUT, check=False
        )
        answer = _answer(done.stdout.decode("utf-8", "replace"))
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(valid=False, problems=(f"it cannot be checked: {error}",), code="train.check")
    if answer is None:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()[-20:]
        why = tuple(lines) or (f"the check ended with exit code {done.returncode}",)
        return Check(valid=False, problems=why, code="train.check")
    return Check(
        valid=bool(answer["valid"]),
        problems=tuple(answer["problems"]),
        code=answer.get("code", ""),
        read=tuple(answer.get("read", ())),
        wagons=tuple(answer.get("wagons", ())),
        train=answer.get("train", ""),
        tests=answer.get("tests", {}),
    )


def _answer(text: str) -> dict[str, Any] | None:
    """Returns the answer at the end of an output, before which users' code may have printed."""
    begin = 0 if text.startswith("{\n") else text.rfind("\n{\n") + 1
    try:
        found = json.loads(text[begin:])
    except ValueError:
        return None
    return found if isinstance(found, dict) and "valid" in found else None


def _stamps(store: Store, file: TrainFile) -> tuple[Any, ...]:
    """Returns what tells whether a check may say something else now."""
    code = {file.path.parent}
    for entry in _mapping(file.content.get("wagons")).values():
        text = _mapping(entry).get("processor")
        if isinstance(text, str) and (place := text.rpartition(":")[0]).endswith(".py"):
            code.add((file.path.parent / place).parent)
    watched = [file.path, *(path for folder in sorted(code) for path in _listed(folder, ".py"))]
    known = file.wagons.keys() & set(store.tested())
    tests = [path / STATUS for name in sorted(known) for path in store.tests(name)[-1:]]
    versions = [path for folder in _listed(store.datasets, "") for path in _listed(folder, ".json")]
    return tuple(map(_stamp, (*watched, *tests, *versions)))


def _listed(folder: Path, suffix: str) -> Iterator[Path]:
    try:
        yield from sorted(path for path in folder.iterdir() if path.name.endswith(suffix))
    except (OSError, ValueError):  # ValueError of a null character
        return


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), status.st_size, status.st_mtime_ns


def _is_train(path: Path) -> bool:
    _, size, changed = _stamp(path)
    return path.suffix in _SUFFIXES and 0 < size <= _LARGEST and _looks_like(path, size, changed)


@lru_cache(maxsize=1024)
def _looks_like(path: Path, *_stamps: int) -> bool:
    """Returns whether a file has the keys of a train file; others may be there for other things."""
    try:
        if b"wagons" not in path.read_bytes():
            return False
        content = read_document(path, "train file", language="train").content
    except (InputError, OSError):
        return False
    return content.keys() >= _WORDS


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

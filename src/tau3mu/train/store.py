"""The store: a folder with all datasets, tests, trains and derived data of a group.

```
STORE/
    datasets/NAME/VERSION.json    registered datasets, a file for each version
    tests/WAGON/NUMBER/           tests of wagons, and of whole trains
    trains/NUMBER/                trains: frozen configuration, status, results
    derived/NAME/                 files that trains have written for others to read
    index.sqlite                  a database of these, made from them
```

The folders are the truth: whatever else knows of them can be made again.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.storage.files import disk_error, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DEFAULT_STORE", "VARIABLE", "Store"]

VARIABLE: Final = "TAU3MU_STORE"
DEFAULT_STORE: Final = "trains"
_NUMBER: Final = re.compile(r"[0-9]{4,}")


class Store:
    """The folders of a store. Nothing is made before something is put into it.

    Attributes:
        root: The folder, an absolute path.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        """Creates the object; the folder need not exist.

        Args:
            root: The folder; by default that of the variable `TAU3MU_STORE`, or `trains` in the
                working directory.
        """
        given = root if root is not None else os.environ.get(VARIABLE) or DEFAULT_STORE
        self.root = user_path(given).absolute()

    def __repr__(self) -> str:
        """Returns how the object was made."""
        return f"Store({str(self.root)!r})"

    @property
    def datasets(self) -> Path:
        """Where the registered datasets are."""
        return self.root / "datasets"

    @property
    def derived(self) -> Path:
        """Where derived data are."""
        return self.root / "derived"

    def tests(self, wagon: str) -> list[Path]:
        """Returns the folders of the tests of a wagon, the oldest first.

        Args:
            wagon: The name of a wagon, or of a whole train.
        """
        return _numbered(self.root / "tests" / wagon)

    def tested(self) -> list[str]:
        """Returns the names of all wagons that have tests."""
        folder = self.root / "tests"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def trains(self) -> list[Path]:
        """Returns the folders of all trains, the oldest first."""
        return _numbered(self.root / "trains")

    def train(self, number: int | str) -> Path:
        """Returns the folder of a train.

        Args:
            number: Of the train, as `ls` shows it.

        Raises:
            InputError: There is no such train.
        """
        known = {int(path.name): path for path in self.trains()}
        text = str(number)
        if text.isascii() and text.isdigit() and (path := known.get(int(text))):
            return path
        last = f"the last is {max(known)}" if known else "there are none"
        message = f"{self.root} has no train {text!r}; {last}"
        raise InputError(message, code="train.unknown-train", path=text)

    def new_test(self, wagon: str) -> Path:
        """Makes the folder of a new test, with the next number, and returns it.

        Args:
            wagon: The name of a wagon, or of a whole train.

        Raises:
            RunError: It cannot be made.
        """
        return _next(self.root / "tests" / wagon)

    def new_train(self) -> Path:
        """Makes the folder of a new train, with the next number, and returns it.

        Raises:
            RunError: It cannot be made.
        """
        return _next(self.root / "trains")


def _folders(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if _NUMBER.fullmatch(path.name) and path.is_dir():
            yield path


def _numbered(folder: Path) -> list[Path]:
    return sorted(_folders(folder), key=lambda path: int(path.name))


def _next(folder: Path) -> Path:
    make_folder(folder)
    number = max((int(path.name) for path in _folders(folder)), default=0) + 1
    while True:  # another process may take the same number
        path = folder / f"{number:04d}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise disk_error(path, error) from error
        else:
            return path

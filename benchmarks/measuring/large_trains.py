"""A train of very many files, made of a real one of a single file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["multiply"]

_LEDGER = "ledger.jsonl"


def multiply(train: Path, number: int) -> None:
    """Lets a train that has ended say that it read its file so many times, under other names.

    Args:
        train: The folder of a train with one dataset of one file.
        number: Of files.
    """
    for folder in (train, train / "results"):
        _change(folder / "full_config.json", lambda content: _of_configuration(content, number))
        paths = _paths(folder / "input_data.txt", number)
        (folder / "input_data.txt").write_text("".join(f"{path}\n" for path in paths))
    _change(train / "train.json", lambda content: _of_train(content, number))
    _change(train / "results" / "run.json", lambda content: _of_run(content, number))
    ledger = train / "results" / _LEDGER
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    with ledger.open("w") as file:
        file.writelines(
            json.dumps(copy) + "\n" for line in lines for copy in _copies(line, number, "file")
        )


def _change(file: Path, function: Any) -> None:
    content = json.loads(file.read_text())
    function(content)
    file.write_text(json.dumps(content, indent=2))


def _copies(entry: dict[str, Any], number: int, key: str = "path") -> list[dict[str, Any]]:
    """Returns an entry under as many names, with UUIDs of their own."""
    path, uuid = entry[key], entry["uuid"]
    return [entry | {key: _name(path, i), "uuid": f"{i:08x}{uuid[8:]}"} for i in range(number)]


def _name(path: str, i: int) -> str:
    return path.replace(".root", f"_{i}.root")


def _paths(file: Path, number: int) -> list[str]:
    (path,) = file.read_text().splitlines()
    return [_name(path, i) for i in range(number)]


def _of_configuration(content: dict[str, Any], number: int) -> None:
    (dataset,) = content["datasets"]
    (file,) = dataset["files"]
    dataset["files"] = _copies(file, number)


def _of_train(content: dict[str, Any], number: int) -> None:
    for dataset in content["datasets"].values():
        dataset["files"] *= number
        dataset["events"] *= number
    content["events"] *= number
    content["chunks"] *= number


def _of_run(content: dict[str, Any], number: int) -> None:
    (file,) = content["inputs"]
    content["inputs"] = _copies(file, number)
    content["chunks"] = {key: value * number for key, value in content["chunks"].items()}

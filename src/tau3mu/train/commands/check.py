"""`check FILE`: says what is wrong with a train file, without a look at data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import Parser, first_import, path_of, run_main
from tau3mu.train.printing import add_json_option, add_store_option, print_rows, without_empty

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tau3mu.train.resolution import Resolved

__all__ = ["main", "resolved_rows"]

_DESCRIPTION = """\
Says what is wrong with a train file: every key and value with its line. Processors are made with
their parameters, fits are read and datasets are looked up; no file of data is opened."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser("python -m tau3mu.train check", _DESCRIPTION)
    parser.add_argument("file", type=path_of, metavar="FILE", help="train file, YAML or JSON")
    add_store_option(parser)
    add_json_option(parser)
    options = parser.parse_args(arguments)
    with first_import("tau3mu.processing.processor"):
        return run_main(_check_as_json if options.json else _check, options)


def _check(options: argparse.Namespace) -> int:
    from tau3mu.train.store import Store
    from tau3mu.train.wagon import Train

    train = Train.load(options.file)
    found = train.check(Store(options.store))
    title = f"{options.file}: {', '.join(train.file.datasets)}"
    print_rows(without_empty(resolved_rows(found)), as_json=False, title=title)
    return 0


def _check_as_json(options: argparse.Namespace) -> int:
    from tau3mu.errors import InputError
    from tau3mu.train.store import Store
    from tau3mu.train.tested import known_tests
    from tau3mu.train.testing import train_name
    from tau3mu.train.wagon import Train

    answer: dict[str, Any] = {"valid": True, "problems": []}
    try:
        store = Store(options.store)
        train = Train.load(options.file)
        found = train.check(store)
        tests = known_tests(train, store)
        read = train.found_datasets(store=store)
    except InputError as error:
        problems = str(error).splitlines()
        answer = {"valid": False, "code": error.code, "path": error.path, "problems": problems}
    else:
        answer |= {
            "hash": train.hash,
            "datasets": list(train.file.datasets),
            "read": [{"name": one.dataset.name, "version": one.version} for one in read],
            "wagons": [
                {**row, "wagon": one.wagon, "variant": one.variant}
                for row, one in zip(resolved_rows(found), found.values(), strict=True)
            ],
            "train": train_name(train),
            "tests": {name: one.model_dump(mode="json") for name, one in tests.items()},
        }
    sys.stdout.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
    return 0 if answer["valid"] else 1


def resolved_rows(found: dict[str, Resolved]) -> list[dict[str, Any]]:
    """Returns a row for each wagon and variant.

    Args:
        found: By the names of their results.
    """
    return [
        {
            "results": one.name,
            "processor": one.processor.configuration["class"],
            "needs": ", ".join(one.needs),
            "reads": ", ".join(Path(name).name for name in one.datasets),
            "fit": one.fit.name if one.fit else None,
            "skim": one.outputs.skim.at if one.outputs.skim else None,
            "hash": one.hash,
        }
        for one in found.values()
    ]

"""Where toys are made: options of command lines, named as those of `python -m tau3mu.run`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import path_of, text_of
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from tau3mu.console.cli import Parser

__all__ = ["add_places", "check_places", "place"]


def add_places(parser: Parser) -> None:
    """Adds the options.

    Args:
        parser: Of a command that makes toys.
    """
    parser.add_argument(
        "--executor", choices=("iterative", "futures", "dask"), default="futures",
        help="in this process, in processes of this machine, or on Dask (default: futures)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=int, metavar="N",
        help="processes of futures and of the local Dask cluster (default: one per CPU)",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", type=text_of, metavar="ADDRESS",
        help="use a running Dask cluster, such as tls://host:8786, instead of a local one",
    )  # fmt: skip
    parser.add_argument(
        "--cluster", type=text_of, metavar="NAME",
        help="start a cluster of the site file by its name or kind",
    )  # fmt: skip
    parser.add_argument(
        "--site", type=path_of, metavar="FILE",
        help="site file (default: $TAU3MU_SITE or ~/.config/tau3mu/site.toml)",
    )  # fmt: skip
    parser.add_argument(
        "--insecure", action="store_true",
        help="accept a scheduler on the network without TLS, where others can run code",
    )  # fmt: skip


def check_places(options: argparse.Namespace) -> None:
    """Checks which options need or exclude each other.

    Args:
        options: The parsed words.

    Raises:
        InputError: Some do not go together.
    """
    on_dask, remote = options.executor == "dask", options.cluster or options.scheduler
    rules = (
        (options.scheduler and not on_dask, "scheduler", "--scheduler needs --executor dask"),
        (options.cluster and not on_dask, "cluster", "--cluster needs --executor dask"),
        (options.scheduler and options.cluster, "cluster",
         "--scheduler and --cluster exclude each other: one runs, the other is started"),
        (options.site and not remote, "site", "--site needs --cluster or --scheduler"),
        (options.insecure and not remote, "insecure",
         "--insecure needs --cluster or --scheduler: a local cluster is open to nobody"),
        (options.executor == "dask" and not options.toys, "executor",
         "--executor dask makes toys, and there are none: give --toys"),
        (options.workers and options.executor == "iterative", "workers",
         "--workers needs --executor futures or dask"),
        (options.workers and remote, "workers",
         "--workers is for a local cluster: the size of another is not changed"),
    )  # fmt: skip
    for broken, name, message in rules:
        if broken:
            raise InputError(message, code="limits.contradicting-options", path=name)


@contextmanager
def place(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yields `workers` and `client`, arguments of functions that make toys.

    A cluster that is started ends with the block.

    Args:
        options: The parsed words, checked.

    Raises:
        InputError: Nothing answers, or the site file is wrong.
        RunError: The cluster does not start.
    """
    from tau3mu.cpus import usable_cpus

    if options.executor == "iterative":
        yield {"workers": 1, "client": None}
        return
    workers = options.workers or usable_cpus()
    if options.executor == "futures":
        yield {"workers": workers, "client": None}
        return
    from tau3mu.clusters import connect

    remote = options.scheduler or options.cluster
    with connect(
        options.scheduler, workers=None if remote else workers, cluster=options.cluster,
        site=options.site, insecure=options.insecure,
    ) as client:  # fmt: skip
        yield {"workers": workers, "client": client}

"""Dask's own performance report of a run, as an HTML file."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distributed import Client

__all__ = ["performance_report"]

log = logging.getLogger(__name__)


@contextmanager
def performance_report(client: Client, file: Path | None) -> Iterator[None]:
    """Writes Dask's report on the work of a client's cluster within the block.

    The report is drawn by the scheduler. It quotes source code and the addresses of workers, and
    its figures load BokehJS from the network. If the run fails, the report is still written if the
    cluster answers.

    Args:
        client: Of the cluster.
        file: The HTML file; None writes none.

    Raises:
        InputError: The file cannot be written, or the scheduler has no Bokeh that can draw it.
    """
    if file is None:
        yield
        return
    _check_file(file)
    _check_bokeh(client)
    from distributed import performance_report as dask_report

    with client.as_current():
        report = dask_report(filename=str(file))
        report.__enter__()
        try:
            yield
        finally:
            _finish(report, client, file)


def _finish(report: Any, client: Client, file: Path) -> None:
    if client.status != "running":
        log.warning("no performance report in %s: the cluster is gone", file)
        return
    try:
        report.__exit__(None, None, None)
    except Exception as error:  # noqa: BLE001 - it must not hide how the run itself ended
        log.warning("no performance report in %s: %s: %s", file, type(error).__name__, error)
    else:
        log.info("performance report: %s", file)


def _check_file(file: Path) -> None:
    if file.suffix not in {".html", ".htm"}:
        message = f"--performance-report {file}: expected the name of an HTML file (.html)"
        raise InputError(message, code="clusters.report-file", path=file)
    if file.is_dir() or not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        message = f"--performance-report {file}: cannot write into the folder {file.parent}"
        raise InputError(message, code="clusters.report-file", path=file)


def _check_bokeh(client: Client) -> None:
    packages = client.get_versions(packages=["bokeh"])["scheduler"]["packages"]
    bokeh, distributed = packages.get("bokeh"), packages["distributed"]
    # From 3.9 on, Bokeh names a template otherwise, which older versions of distributed ask for.
    if bokeh is None:
        what = "the scheduler has no Bokeh, which draws the report"
    elif _number(bokeh) >= (3, 9) and _number(distributed) < (2026,):
        what = f"the scheduler has Bokeh {bokeh}, with which Dask {distributed} cannot draw it"
    else:
        return
    message = f"--performance-report: {what}: pip install 'bokeh<3.9' where it runs"
    raise InputError(message, code="clusters.no-bokeh", path="--performance-report")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())

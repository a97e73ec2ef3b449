"""A run whose proxy expires stops in time, loses nothing, and continues where it was."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from errors import raises
from figures import record_figure
from xrootd_server import needs_xrootd, xrootd

from tau3mu.clusters.proxy import distribute
from tau3mu.datasets import check_files, dataset_from_files, make_chunks
from tau3mu.errors import RunError
from tau3mu.execution import execute
from tau3mu.processing import load_processor

pytest.importorskip("cryptography")

pytestmark = [needs_xrootd, pytest.mark.integration]

N_EVENTS = 12_000
NOW = timedelta(0)
SLOW = """\
    def select(self, events, cutflow):
        import time
        time.sleep(1)
        return super().select(events, cutflow)
"""


@pytest.fixture
def files(environment, authority, demo, tmp_path):
    """A server that wants proxies, with the demo files."""
    with xrootd(demo[0].parent, tmp_path, "gsi", authority=authority) as server:
        yield server


@pytest.fixture
def processor(processor_file):
    """Takes a second per chunk."""
    return load_processor(f"{processor_file(SLOW)}:Mine")


@pytest.fixture
def local_chunks(demo_paths, processor):
    """Sixteen chunks of the files where they lie.

    This process must not open a connection: XRootD's client would remember for all other tests
    that there was no proxy.
    """
    datasets = [dataset_from_files(demo_paths)]
    return make_chunks(check_files(datasets, processor.columns), datasets, chunk_size=750)


@pytest.fixture
def chunks(files, local_chunks):
    """The same chunks of the files on the server."""
    return [replace(chunk, path=files.url(chunk.path.rpartition("/")[2])) for chunk in local_chunks]


@pytest.fixture
def ready(new_cluster, local_chunks, processor):
    """A cluster that has imported what it needs."""
    execute(local_chunks[:1], [processor], executor="dask", client=new_cluster)
    return new_cluster


def attempts(folder):
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def outcomes(folder):
    return [attempt["outcome"] for attempt in attempts(folder)]


def test_run_stops_before_its_proxy_expires_and_resumes(
    ready, chunks, processor, make_proxy, tmp_path
):
    """Fails if an expiring proxy costs events, or what was done before it is done again."""
    run = {"executor": "dask", "client": ready, "folder": tmp_path}
    begun = []

    def shorten(_):
        if not begun:
            make_proxy(ends=timedelta(seconds=10))
            begun.append(time.monotonic())

    with (
        distribute(
            ready, make_proxy(), look_every=NOW, stop_before=timedelta(seconds=4)
        ) as distribution,
        raises("proxy.expires", RunError),
    ):
        execute(chunks, [processor], on_result=shorten, watch=distribution.watch, **run)
    seconds = time.monotonic() - begun[0]
    before = outcomes(tmp_path)
    assert 0 < len(before) < len(chunks)
    assert set(before) == {"done"}

    with distribute(ready, make_proxy()) as distribution:
        result = execute(chunks, [processor], watch=distribution.watch, resume=True, **run)
    after = outcomes(tmp_path)[len(before) :]
    assert after.count("resumed") == len(before)
    assert after.count("done") == len(chunks) - len(before)
    assert sum(file.read for file in result.files) == N_EVENTS
    assert not result.incomplete
    record_figure(
        "proxy expires during a run, 10 s after a chunk, to stop 4 s before",
        events_in=N_EVENTS, events_out=N_EVENTS, seconds_to_error=round(seconds, 1),
        chunks=len(chunks), resumed=len(before),
    )  # fmt: skip


def test_expired_proxy_is_the_end_of_the_run_rather_than_of_files(
    ready, chunks, processor, make_proxy, tmp_path
):
    """Fails if files that a dead proxy cannot open are skipped as bad files."""
    with distribute(ready, make_proxy(ends=timedelta(seconds=6)), stop_before=NOW):
        time.sleep(7)
        with pytest.raises(RunError, match="Auth failed"):
            execute(chunks, [processor], executor="dask", client=ready, folder=tmp_path)
    assert set(outcomes(tmp_path)) == {"fatal"}
    record_figure(
        "proxy has expired before files are read", events_in=N_EVENTS, events_out=0,
        seconds_to_error=attempts(tmp_path)[0]["seconds"],
    )  # fmt: skip

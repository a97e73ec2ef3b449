"""Files on servers that work and on servers that do not, and what comes out of reading them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

import aiohttp
import fsspec
import pytest
from figures import record_figure
from misbehaving_server import misbehaving_server
from remote_reading import SECONDS, attempt, chunk_of, raw

from tau3mu.ntuples.open_files import close_files
from tau3mu.storage.remote import _failed

# The client reads this once per process, when it is loaded.
os.environ.setdefault("XRD_CONNECTIONWINDOW", "2")
os.environ.setdefault("XRD_CONNECTIONRETRY", "20")


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch):
    whole = aiohttp.ClientTimeout(total=60, sock_connect=SECONDS, sock_read=SECONDS)
    for protocol in ("http", "https"):
        monkeypatch.setitem(fsspec.config.conf, protocol, {"timeout": whole})
        fsspec.get_filesystem_class(protocol).clear_instance_cache()
    monkeypatch.setitem(fsspec.config.conf, "root", {"timeout": SECONDS})
    with suppress(ImportError):  # without the extra `xrootd` there are none
        fsspec.get_filesystem_class("root").clear_instance_cache()
    _failed.clear()
    close_files()
    yield
    _failed.clear()
    close_files()


@pytest.fixture
def file(demo, tmp_path):
    """A copy of a demo file, 6000 events, in the folder that servers serve."""
    folder = tmp_path / "served"
    folder.mkdir()
    return shutil.copy(demo[0], folder / "x.root")


@pytest.fixture
def folder(file):
    return file.parent


@pytest.fixture
def chunk(demo):
    return chunk_of(demo[0])


@pytest.fixture
def read(chunk):
    """Reads 3000 of the 6000 events from these places."""
    return lambda *paths, **changes: attempt(chunk, *paths, **changes)


@pytest.fixture
def expected(chunk, demo):
    """What a local file gives, as bytes."""
    events = attempt(chunk, demo[0]).reading.events
    close_files()
    return raw(events)


@pytest.fixture
def note():
    """Writes down what a fault did to a chunk of 3000 events."""

    def write(fault, found, **facts):
        record_figure(
            fault, outcome=found.outcome, events_in=3000, events_out=found.entries,
            seconds=round(found.seconds, 2), **facts,
        )  # fmt: skip

    return write


@pytest.fixture
def http(folder):
    """The address of a server of the folder, and its requests by path."""
    with misbehaving_server(folder) as running:
        yield running

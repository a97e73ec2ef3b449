"""Reads from a server that asks for proxies, with proxies of each kind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import uproot
from errors import raises
from figures import record_figure
from grid_tasks import read_chunk
from xrootd_server import needs_xrootd, xrootd

from tau3mu.clusters.proxy import Proxy, distribute
from tau3mu.errors import InputError

pytest.importorskip("cryptography")

pytestmark = needs_xrootd

CHUNKS = [(0, 1500), (1500, 3000), (3000, 4500), (4500, 6000)]
HOUR = timedelta(hours=1)
NOW = timedelta(0)


@pytest.fixture
def files(environment, authority, demo, tmp_path):
    """A server that wants proxies, with the demo files."""
    with xrootd(demo[0].parent, tmp_path, "gsi", authority=authority) as server:
        yield server


@pytest.fixture
def uuid(demo):
    with uproot.open(demo[0]) as file:
        return str(file.file.uuid)


def answer_of_server(server, proxy):
    """Returns what a new process, which is all that has a new connection, reads with a proxy."""
    code = "import sys; from grid_tasks import read_file; print(read_file(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, server.url("Tree_PhiPi_1.root")],
        env={**os.environ, "X509_USER_PROXY": str(proxy.path)},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("levels", [1, 2])
def test_good_proxy(files, demo, make_proxy, levels):
    """Fails if what passes the check is refused by the server."""
    proxy = make_proxy(levels=levels)
    proxy.check(HOUR)
    assert answer_of_server(files, proxy) == str(demo[0].stat().st_size)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"starts": -2 * HOUR, "ends": -HOUR}, "it expired 1 h 0 min ago"),
        ({"starts": HOUR}, "it holds only from"),
        ({"user_ends": -HOUR}, "it expired 1 h 0 min ago"),
        ({"mode": 0o644}, "others may use it"),
    ],
    ids=["expired", "not yet valid", "certificate behind it expired", "open to others"],
)
def test_bad_proxy(files, demo, make_proxy, properties, reason):
    """Fails if the check lets through what the server refuses, after the run has begun."""
    proxy = make_proxy(**properties)
    started = time.perf_counter()
    with pytest.raises(InputError, match=reason):
        proxy.check()
    seconds = time.perf_counter() - started
    answer = answer_of_server(files, proxy)
    if "mode" in properties:
        assert answer == str(demo[0].stat().st_size)  # XRootD does not mind, we do
    else:
        assert "Auth failed" in answer
    record_figure(f"proxy: {reason}", seconds_to_error=round(seconds, 3), server=answer)


def test_missing_proxy(files, tmp_path):
    """Fails if the server lets strangers in, or the check does."""
    proxy = Proxy(tmp_path / "nothing")
    with raises("proxy.unusable", InputError):
        proxy.check()
    assert "Auth failed" in answer_of_server(files, proxy)


@pytest.mark.integration
def test_expiring_while_files_are_read(files, new_cluster, make_proxy, uuid):
    """Fails if a proxy that expires costs events without an error for the run."""
    url = files.url("Tree_PhiPi_1.root")

    def read(start, stop):
        return new_cluster.submit(read_chunk, url, uuid, start, stop, pure=False).result(120)

    new_cluster.submit(read_chunk, "missing.root", uuid, 0, 1).result(120)  # imports what it needs
    with distribute(new_cluster, make_proxy(ends=timedelta(seconds=6)), stop_before=NOW):
        expires = time.monotonic() + 6
        found = [read(*CHUNKS[0])]
        assert time.monotonic() < expires
        time.sleep(expires - time.monotonic() + 1)
        # The connection was made in time, so the file is read on.
        found.append(read(*CHUNKS[1]))
        files.restart()
        started = time.perf_counter()
        found += [read(*chunk) for chunk in CHUNKS[2:]]
        seconds = time.perf_counter() - started
    assert found[:2] == [(1500, "", "")] * 2
    n_events, kind, message = found[2]
    assert (n_events, kind) == (0, "fatal")
    assert message.startswith(f"{url}: entries 3000 to 4500 cannot be read: ")
    assert "Auth failed" in message
    assert "check the grid proxy" in message
    assert all(n_events == 0 and kind for n_events, kind, _ in found[2:])
    record_figure(
        "proxy expires while files are read",
        events_in=6000, events_out=3000, kind="fatal", seconds_to_error=round(seconds / 2, 2),
    )  # fmt: skip


@pytest.mark.integration
def test_renewed_while_files_are_read(files, new_cluster, make_proxy, uuid):
    """Fails if a renewal in time does not save the run."""
    url = files.url("Tree_PhiPi_1.root")

    def read(start, stop):
        return new_cluster.submit(read_chunk, url, uuid, start, stop, pure=False).result(120)

    new_cluster.submit(read_chunk, "missing.root", uuid, 0, 1).result(120)
    with distribute(
        new_cluster, make_proxy(ends=timedelta(seconds=6)), look_every=NOW, stop_before=NOW
    ) as distribution:
        expires = time.monotonic() + 6
        found = [read(*CHUNKS[0])]
        make_proxy()
        distribution.watch()
        time.sleep(expires - time.monotonic() + 1)
        found.append(read(*CHUNKS[1]))
        files.restart()
        found += [read(*chunk) for chunk in CHUNKS[2:]]
    assert found == [(1500, "", "")] * 4
    record_figure("proxy renewed while files are read", events_in=6000, events_out=6000)

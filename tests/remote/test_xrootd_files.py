"""Files on real XRootD servers: that run, die, come back, stop, or were never there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta

import fsspec
import pytest
from errors import raises
from figures import record_figure
from grid_authority import Authority
from remote_reading import IN_TIME, SECONDS, raw
from xrootd_server import free_port, needs_xrootd, xrootd

from tau3mu.datasets import Dataset, check_files

pytestmark = needs_xrootd
pytest.importorskip("fsspec_xrootd")


@pytest.fixture
def server(folder, tmp_path):
    with xrootd(folder, tmp_path) as running:
        yield running


def test_same_events_as_from_the_local_file(server, read, expected, note):
    """Reading over root:// would give other bytes, or none."""
    found = read(server.url("x.root"))
    assert raw(found.reading.events) == expected
    assert found.reading.path == server.url("x.root")
    assert 1_000_000 < found.reading.n_bytes < 6_278_791
    note("xrootd", found)


def test_bytes_are_those_of_this_call(server, read):
    """The ledger would count bytes of other chunks, or the opening twice."""
    first = read(server.url("x.root"), start=0, stop=3000).reading.n_bytes
    second = read(server.url("x.root"), start=3000, stop=6000).reading.n_bytes
    again = read(server.url("x.root"), start=3000, stop=6000).reading.n_bytes
    assert 0 < second == again < first


def test_missing_file(server, read, note):
    """A file that is not there would be asked for again and again."""
    found = read(server.url("y.root"))
    note("xrootd: no such file", found)
    assert found.outcome == "bad_file"
    assert "[3011]" in str(found.error)
    assert found.seconds < IN_TIME


def test_nothing_listens(read, note):
    """The run would wait for two minutes and more per file."""
    found = read(f"root://localhost:{free_port()}//x.root")
    note("xrootd: nothing listens", found, timeout=SECONDS)
    assert found.outcome == "transient"
    assert found.seconds < IN_TIME


def test_accepts_and_never_answers(read, note):
    """The run would wait for ever."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(8)
        found = read(f"root://localhost:{hole.getsockname()[1]}//x.root")
    note("xrootd: accepts and never answers", found, timeout=SECONDS)
    assert (found.outcome, SECONDS - 1.5 < found.seconds < IN_TIME) == ("transient", True)
    assert "Operation expired" in str(found.error)


def test_stops_answering(server, read, expected, note):
    """A server that hangs would hang the run; one that hung would stay lost."""
    assert read(server.url("x.root"), start=0, stop=1000).outcome == "read"
    server.stop_signal()
    stopped = read(server.url("x.root"))
    note("xrootd: SIGSTOP", stopped, timeout=SECONDS)
    assert (stopped.outcome, stopped.seconds < IN_TIME) == ("transient", True)
    server.cont()
    found = read(server.url("x.root"))
    assert raw(found.reading.events) == expected
    note("xrootd: SIGCONT after SIGSTOP", found)


def test_short_stall_is_survived(server, read, expected, note):
    """A server that is busy for a moment would cost a retry."""
    assert read(server.url("x.root"), start=0, stop=1000).outcome == "read"
    server.stop_signal()
    timer = threading.Timer(1.5, server.cont)
    timer.start()
    found = read(server.url("x.root"))
    timer.join()
    note("xrootd: SIGSTOP for 1.5 s", found)
    assert raw(found.reading.events) == expected
    assert found.seconds > 1


def test_killed_and_gone(server, read, note):
    """The run would not learn that the server is gone."""
    assert read(server.url("x.root"), start=0, stop=1000).outcome == "read"
    server.kill()
    found = read(server.url("x.root"))
    note("xrootd: killed, stays away", found, timeout=SECONDS)
    assert (found.outcome, found.seconds < IN_TIME) == ("transient", True)
    server.start()
    assert read(server.url("x.root")).outcome == "read"


READER = """
import sys, time
from tau3mu.datasets import check_files, dataset_from_files, make_chunks
from tau3mu.ntuples import read_events
from tau3mu.processors import DsPhiPi
dataset = dataset_from_files(sys.argv[1:])
chunks = make_chunks(check_files([dataset], DsPhiPi.columns), [dataset], 3000)
for chunk in chunks:
    began = time.monotonic()
    reading = read_events(
        [chunk.path], tree=chunk.tree, layout=chunk.layout, branches=chunk.branches,
        start=chunk.start, stop=chunk.stop, uuid=chunk.uuid, metadata={},
    )
    muons = float(sum(reading.events.muon.pt[:, 0]))
    print(len(reading.events), muons, time.monotonic() - began, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.integration
def test_killed_and_back_with_the_settings_of_the_package(server, file):
    """With the client's own windows of two minutes, the read fails although the server is back."""
    environment = {name: value for name, value in os.environ.items() if name[:4] != "XRD_"}

    def start(place):
        return subprocess.Popen(
            [sys.executable, "-c", READER, str(place)], text=True, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    local = start(file).communicate("\n\n", timeout=60)[0].split()
    reader = start(server.url("x.root"))
    try:
        first = reader.stdout.readline().split()
        server.kill()
        threading.Timer(5, server.start).start()
        rest, errors = reader.communicate("\n\n", timeout=120)
    finally:
        reader.kill()
    second = rest.split()
    assert second, errors
    assert [*first[:2], *second[:2]] == [*local[:2], *local[3:5]]
    seconds = float(second[2])
    record_figure(
        "xrootd: killed, back after 5 s", outcome="read", events_in=6000,
        events_out=int(first[0]) + int(second[0]), seconds=round(seconds, 2),
    )  # fmt: skip
    assert 4 < seconds < 50


def test_throttled(folder, tmp_path, read, expected, note):
    """A slow server would be taken for one that does not answer."""
    with xrootd(folder, tmp_path, "throttled", rate=1_000_000) as server:
        found = read(server.url("x.root"))
    note("xrootd: 1 MB/s", found)
    assert raw(found.reading.events) == expected
    assert found.seconds > 1


ONE = """
import sys
from tau3mu.ntuples import ReadError, read_events
try:
    read_events(sys.argv[1:], tree="T", layout="nano", branches=["run"], start=0, stop=1, uuid="",
                metadata={})
except ReadError as error:
    print(error.kind, error)
"""


@pytest.mark.parametrize("kind", ["none", "expired"])
def test_proxy_that_the_server_refuses(folder, tmp_path, kind):
    """With --skip-bad-files, every file would be left out because of the proxy."""
    authority = Authority(tmp_path / "ca")
    own = {"X509_CERT_DIR": str(authority.folder), "X509_USER_PROXY": str(tmp_path / "proxy")}
    if kind == "expired":
        authority.proxy(tmp_path / "proxy", starts=-timedelta(hours=2), ends=-timedelta(hours=1))
    with xrootd(folder, tmp_path, "gsi", authority=authority) as server:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", ONE, server.url("x.root"), str(folder / "x.root")],
            env=os.environ | own, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        seconds = time.monotonic() - began
    record_figure(f"xrootd: proxy {kind}", outcome=done.stdout.split()[0], events_out=0,
                  seconds=round(seconds, 1))  # fmt: skip
    assert done.stdout.startswith(f"fatal {server.url('x.root')}: entries 0 to 1 cannot be read: ")
    assert "Auth failed" in done.stdout
    assert "check the grid proxy (voms-proxy-info)" in done.stdout


def test_settings_of_the_user_hold(tmp_path):
    """A site that needs other windows could not have them."""
    program = (
        "import os, sys\n"
        "from tau3mu.storage.remote import client_options\n"
        "client_options('root://localhost//x.root')\n"
        "from XRootD import client\n"
        "names = ['ConnectionWindow', 'ConnectionRetry', 'TimeoutResolution', 'RequestTimeout']\n"
        "print([client.EnvGetInt(name) for name in names], os.environ['XRD_RUNFORKHANDLER'])\n"
        "import fsspec\n"
        "print(fsspec.filesystem('root', hostid='localhost').timeout)\n"
    )

    def settings(**own):
        plain = {name: value for name, value in os.environ.items() if name[:4] != "XRD_"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=plain | own, capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip
        return done.stdout.splitlines()

    assert settings() == ["[15, 4, 1, 120] 1", "60"]
    own = settings(XRD_CONNECTIONWINDOW="30", FSSPEC_ROOT='{"timeout": 300}')
    assert own == ["[30, 4, 1, 120] 1", "300"]


def test_threads_that_open_their_first_files_at_a_time_share_a_whole_client():
    """Python gives parts of a module to those who import it while another thread does."""
    program = (
        "import threading\n"
        "from tau3mu.storage.remote import client_options\n"
        "together, prepared = threading.Barrier(8), []\n"
        "def prepare():\n"
        "    together.wait()\n"
        "    prepared.append(client_options('root://localhost//x.root'))\n"
        "threads = [threading.Thread(target=prepare) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "print(len(prepared))\n"
    )
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout == "8\n", done.stderr


def test_unreachable_in_the_check_of_the_files(monkeypatch):
    """Thousands of files on a server that is gone would take a minute each to be refused."""
    monkeypatch.setitem(fsspec.config.conf, "root", {"timeout": 1})
    host = f"root://localhost:{free_port()}"
    files = dict.fromkeys([f"{host}//{i}.root" for i in range(400)])
    began = time.monotonic()
    with raises("dataset.servers-do-not-answer", mentions="20 files"):
        check_files([Dataset("d", files)], {"run"})
    seconds = time.monotonic() - began
    record_figure(
        "xrootd: 400 files on a server that is gone", outcome="error", seconds=round(seconds, 1)
    )
    assert seconds < 40

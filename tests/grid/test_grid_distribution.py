"""Workers have the proxy whenever they come, renewed in time, and keep nothing of it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cluster_processes import ClusterProcesses
from errors import raises
from figures import record_figure
from grid_tasks import count_absences, look, plugins, read_file
from xrootd_server import needs_xrootd, xrootd

from tau3mu.clusters import security
from tau3mu.clusters.proxy import Proxy
from tau3mu.clusters.proxy.distribution import NAME, distribute, use_proxy
from tau3mu.clusters.proxy.plugin import ProxyPlugin
from tau3mu.errors import InputError, RunError

pytest.importorskip("cryptography")

pytestmark = pytest.mark.integration

SIZE = 5000
MINUTE = timedelta(minutes=1)
NOW = timedelta(0)
SECOND = timedelta(seconds=1)


@pytest.fixture
def files(environment, authority, tmp_path):
    """A server that wants proxies, with one file."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "x.root").write_bytes(b"x" * SIZE)
    with xrootd(folder, tmp_path, "gsi", authority=authority) as server:
        yield server


def read_on(client, url, worker):
    return client.submit(read_file, url, workers=[worker], pure=False).result(60)


def workers(client):
    return list(client.scheduler_info()["workers"])


def wait_for(condition, seconds=60.0):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def ours(caplog):
    """Returns what was logged by the package, without the many lines of Dask."""
    return [r.getMessage() for r in caplog.records if r.name.startswith("tau3mu.")]


def secrets_of(proxy):
    text = proxy.path.read_text()
    return [line for line in text.splitlines() if len(line) > 30 and not line.startswith("-----")]


def with_secrets(folder, proxy, but_not=()):
    """Returns the files below a folder that hold a line of a proxy, which certain texts lack."""
    secrets = [line.encode() for line in secrets_of(proxy) if line not in but_not]
    found = []
    for place, _, names in os.walk(folder):  # which does not mind folders that go meanwhile
        for path in (Path(place, name) for name in names):
            with suppress(FileNotFoundError):
                content = path.read_bytes()
                if any(secret in content for secret in secrets):
                    found.append(path)
    return found


@contextmanager
def driver(proxy, place):
    """A process that has given its proxy to workers: see `grid_driver`."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("grid_driver.py"), proxy.path, place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def paths(client):
    """Returns where each worker has the proxy."""
    return [
        f"{folder}/x509up"
        for folder in client.run(lambda dask_worker: dask_worker.local_directory).values()
    ]


@needs_xrootd
def test_first_late_and_restarted_workers_read(files, start_cluster, make_proxy, scratch):
    """Fails if only the workers that are there at the start have the proxy."""
    with start_cluster() as cluster:
        _read_on_first_late_and_restarted(files, cluster, make_proxy(), scratch)


def _read_on_first_late_and_restarted(files, cluster, proxy, scratch):
    url = files.url("x.root")
    (first,) = workers(cluster)
    with distribute(cluster, proxy):
        assert read_on(cluster, url, first) == SIZE
        cluster.cluster.scale(2)
        wait_for(lambda: len(workers(cluster)) == 2)
        (late,) = set(workers(cluster)) - {first}
        assert read_on(cluster, url, late) == SIZE
        pids = cluster.run(os.getpid)
        os.kill(pids[first], signal.SIGKILL)
        wait_for(lambda: len(workers(cluster)) == 2 and first not in workers(cluster))
        (restarted,) = set(workers(cluster)) - {late}
        assert read_on(cluster, url, restarted) == SIZE
        assert pids[first] not in cluster.run(os.getpid).values()
        for variable, mode, content in cluster.run(look).values():
            assert variable.startswith(str(scratch))
            assert mode == 0o600
            assert content == proxy.path.read_bytes()
        # The worker that was killed could not clean up; its nanny has.
        assert len(with_secrets(scratch, proxy)) == 2
    assert list(cluster.run(look).values()) == [(None, None, None)] * 2
    assert with_secrets(scratch, proxy) == []


@needs_xrootd
def test_without_the_proxy_a_worker_reads_nothing(files, cluster):
    """Fails if the server of these tests lets everybody in, so that they show nothing."""
    (worker,) = workers(cluster)
    assert "Auth failed" in read_on(cluster, files.url("x.root"), worker)


def test_nothing_is_left_after_an_exception(cluster, make_proxy, scratch):
    """Fails if a run that fails leaves the key on the workers, or gives it to later ones."""
    proxy = make_proxy()

    def fail():
        with distribute(cluster, proxy):
            assert len(with_secrets(scratch, proxy)) == 1
            message = "failed"
            raise KeyError(message)

    with pytest.raises(KeyError, match="failed"):
        fail()
    assert with_secrets(scratch, proxy) == []
    cluster.restart()
    assert list(cluster.run(look).values()) == [(None, None, None)]


def test_workers_that_end_take_it_with_them(start_cluster, make_proxy, scratch):
    """Fails if a worker that is retired or closed during the run leaves the key on its disk."""
    proxy = make_proxy()
    with start_cluster(n_workers=2) as client, distribute(client, proxy):
        gone, stays = workers(client)
        (folder,) = client.run(
            lambda dask_worker: dask_worker.local_directory, workers=[gone]
        ).values()
        client.retire_workers([gone], close_workers=True)
        wait_for(lambda: workers(client) == [stays])
        wait_for(lambda: len(with_secrets(scratch, proxy)) == 1)
        assert not os.path.exists(f"{folder}/x509up")  # noqa: PTH110
        client.cluster.close()
    assert with_secrets(scratch, proxy) == []


def test_nothing_is_logged(cluster, make_proxy, scratch, caplog, capfd):
    """Fails if a log of driver, scheduler or workers holds any of it, at any level of ours."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("distributed.core").setLevel(logging.INFO)
    proxy = make_proxy()
    with distribute(cluster, proxy, look_every=NOW) as distribution:
        make_proxy()
        distribution.watch()
        lines = [str(cluster.get_worker_logs()), str(cluster.get_scheduler_logs())]
        shown = cluster.run(lambda dask_worker: repr(dask_worker.plugins))
        shown["scheduler"] = cluster.run_on_scheduler(
            lambda dask_scheduler: repr(dask_scheduler.plugins)
        )
    text = "".join([*lines, caplog.text, *capfd.readouterr(), *shown.values()])
    assert NAME in text
    assert "was renewed" in text
    assert not [secret for secret in secrets_of(proxy) if secret in text]


@needs_xrootd
def test_renewed_proxy_is_used_by_new_connections(files, new_cluster, make_proxy):
    """Fails if a run ends with the proxy that it began with, though the user has renewed it."""
    url = files.url("x.root")
    (worker,) = workers(new_cluster)
    with distribute(
        new_cluster, make_proxy(ends=8 * SECOND), look_every=NOW, stop_before=NOW
    ) as distribution:
        expires = time.monotonic() + 8
        distribution.watch()
        assert read_on(new_cluster, url, worker) == SIZE
        assert distribution.remaining() < 8 * SECOND
        renewed = make_proxy()
        distribution.watch()
        assert distribution.remaining() > 11 * 60 * MINUTE
        ((_, mode, content),) = new_cluster.run(look).values()
        assert (mode, content) == (0o600, renewed.path.read_bytes())
        time.sleep(expires - time.monotonic() + 1)
        files.restart()
        assert read_on(new_cluster, url, worker) == SIZE


@needs_xrootd
def test_expired_proxy_stops_new_connections_only(files, new_cluster, make_proxy):
    """Fails if the test before would pass without a renewal."""
    url = files.url("x.root")
    (worker,) = workers(new_cluster)
    with distribute(new_cluster, make_proxy(ends=5 * SECOND), stop_before=NOW):
        expires = time.monotonic() + 5
        assert read_on(new_cluster, url, worker) == SIZE
        time.sleep(expires - time.monotonic() + 1)
        assert read_on(new_cluster, url, worker) == SIZE
        files.restart()
        assert "Auth failed" in read_on(new_cluster, url, worker)


def test_renewal_leaves_no_moment_without_the_file(cluster, make_proxy):
    """Fails if a renewal removes the file before it writes the new one."""
    with distribute(cluster, make_proxy()) as distribution:
        watching = cluster.submit(count_absences, 2.0, pure=False)
        n_renewals = 0
        while not watching.done():
            distribution.renew()
            n_renewals += 1
        n_looks, n_absent = watching.result()
    assert n_renewals >= 2
    assert n_looks > 1000
    assert n_absent == 0


def test_worker_that_is_stuck_does_not_stop_a_renewal(cluster, make_proxy, monkeypatch, caplog):
    """Fails if the driver waits for ever for a worker that does not answer."""
    monkeypatch.setattr("tau3mu.clusters.proxy.distribution._ANSWER_SECONDS", 2.0)
    (pid,) = cluster.run(os.getpid).values()
    with distribute(cluster, make_proxy(), look_every=NOW) as distribution:
        os.kill(pid, signal.SIGSTOP)
        try:
            renewed, started = make_proxy(), time.monotonic()
            distribution.watch()
            assert 2 <= time.monotonic() - started < 60
        finally:
            os.kill(pid, signal.SIGCONT)
        assert "no answer within 2 s: they will get it when they answer again" in caplog.text
        wait_for(lambda: next(iter(cluster.run(look).values()))[2] == renewed.path.read_bytes())


def test_dead_scheduler_does_not_stop_the_end(start_cluster, make_proxy, caplog):
    """Fails if a run that has lost its cluster hangs, or shows another error than its own."""

    def lose():
        with start_cluster() as client, distribute(client, make_proxy()):
            client.cluster.close()
            message = "own"
            raise KeyError(message)

    with pytest.raises(KeyError, match="own"):
        lose()
    assert "may lie on Dask workers until they end" in caplog.text


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)],
)
def test_nothing_is_left_when_the_driver_is_killed(environment, make_proxy, scratch, number):
    """Fails if only a driver that ends in order takes the key from the disk."""
    proxy = make_proxy()
    with driver(proxy, scratch) as process:
        assert len(with_secrets(scratch, proxy)) == 1
        process.send_signal(number)
    wait_for(lambda: with_secrets(scratch, proxy) == [], 20)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A cluster of processes that nobody here has started, with one worker."""
    from distributed import Client

    tasks = {"PYTHONPATH": str(Path(__file__).parent)}
    with ClusterProcesses(tmp_path_factory.mktemp("foreign"), environment=tasks) as processes:
        processes.add_worker()
        with Client(processes.address) as client:
            client.wait_for_workers(1, timeout=60)
        yield processes


def test_running_cluster_takes_it_away_when_the_driver_is_killed(foreign, make_proxy):
    """Fails if the key of a driver that could not clean up stays on workers that continue."""
    from distributed import Client

    proxy = make_proxy()
    with Client(foreign.address) as client:
        n_before = len(workers(client))
        with driver(proxy, foreign.address) as process:
            wait_for(lambda: len(with_secrets(foreign.folder, proxy)) == n_before)
            foreign.add_worker()
            wait_for(lambda: len(with_secrets(foreign.folder, proxy)) == n_before + 1)
            assert sum(NAME in name for name in client.run_on_scheduler(plugins)) == 2
            process.kill()
            killed = time.monotonic()
        wait_for(lambda: with_secrets(foreign.folder, proxy) == [], 20)
        seconds = time.monotonic() - killed
        assert set(client.run(look).values()) == {(None, None, None)}
        client.restart()
        assert list(client.run(look).values()) == [(None, None, None)] * (n_before + 1)
        assert not any(NAME in name for name in client.run_on_scheduler(plugins))
    record_figure("proxy on a running cluster: SIGKILL of the driver", seconds=round(seconds, 2))


@pytest.mark.parametrize(
    ("same", "last_first"),
    [
        pytest.param(True, True, id="one proxy, last ends first"),
        pytest.param(False, False, id="two proxies, first ends first"),
        pytest.param(True, False, marks=pytest.mark.soak, id="one proxy, first ends first"),
        pytest.param(False, True, marks=pytest.mark.soak, id="two proxies, last ends first"),
    ],
)
def test_end_of_one_run_leaves_another_its_proxy(
    foreign, authority, make_proxy, tmp_path, same, last_first
):
    """Fails if two runs at one scheduler share a plugin, or a run leaves its key to another."""
    from distributed import Client

    one = make_proxy()
    two = one if same else Proxy(authority.proxy(tmp_path / "x509up_other"))
    with Client(foreign.address) as client, driver(one, foreign.address) as first:

        def on_workers():
            return {content for _, _, content in client.run(look).values()}

        assert on_workers() == {one.path.read_bytes()}
        with driver(two, foreign.address) as second:
            assert on_workers() == {two.path.read_bytes()}
            runs = [(first, one), (second, two)]
            (ending, gone), (staying, kept) = reversed(runs) if last_first else runs
            assert ending.communicate(timeout=30)[0] == b"ended\n"
            assert set(client.run(look).values()) == {
                (path, 0o600, kept.path.read_bytes()) for path in paths(client)
            }
            # Both were signed by the same user.
            assert with_secrets(foreign.folder, gone, but_not=secrets_of(kept)) == []
            assert staying.communicate(timeout=30)[0] == b"ended\n"
        assert set(client.run(look).values()) == {(None, None, None)}
        assert not any(NAME in name for name in client.run_on_scheduler(plugins))


def test_worker_inside_the_driver_uses_the_drivers_file(start_cluster, make_proxy, scratch):
    """Fails if threads of this process change where the driver finds its own proxy."""
    proxy = make_proxy()
    with start_cluster(processes=False) as client, distribute(client, proxy):
        assert list(client.run(look).values()) == [(str(proxy.path), None, None)]
    assert with_secrets(scratch, proxy) == []
    assert "X509_USER_PROXY" not in os.environ


@pytest.fixture
def address():
    from distributed.utils import get_ip

    if (found := get_ip()).startswith("127."):
        pytest.skip("this machine has no address but the loopback one")
    return found


def test_key_is_not_sent_where_others_listen(start_cluster, make_proxy, scratch, address):
    """Fails if the key crosses a network unencrypted without being asked to."""
    proxy = make_proxy()
    with start_cluster(host=address) as client:
        scheduler = client.scheduler.address
        with pytest.raises(InputError) as raised, distribute(client, proxy):
            pass
        assert str(raised.value) == (
            f"the scheduler at {scheduler} does not use TLS: whoever listens on the network would "
            "get your grid proxy and its key; use a tls:// address, or --insecure if this network "
            "is yours alone"
        )
        assert list(client.run(look).values()) == [(None, None, None)]
        with distribute(client, proxy, insecure=True):
            assert len(with_secrets(scratch, proxy)) == 1


def test_key_is_sent_with_tls(start_cluster, make_proxy, scratch, address):
    """Fails if a cluster with certificates is refused."""
    proxy = make_proxy()
    with start_cluster(host=address, protocol="tls", security=True) as client:
        assert client.scheduler.address.startswith("tls://")
        with distribute(client, proxy):
            assert len(with_secrets(scratch, proxy)) == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("tls://10.0.0.1:8786", True),
        ("gateway://gateway.site.org:443/dask.abc", True),
        ("inproc://10.0.0.1/5/1", True),
        ("tcp://127.0.0.1:8786", True),
        ("tcp://127.1.2.3:8786", True),
        ("tcp://localhost:8786", True),
        ("tcp://[::1]:8786", True),
        ("tcp://10.0.0.1:8786", False),
        ("tcp://127.site.org:8786", False),
        ("tcp://localhost.site.org:8786", False),
        ("ws://site.org:8786/127.0.0.1", False),
    ],
)
def test_addresses_where_nobody_listens(address, expected):
    """Fails if a name that looks like this machine's is taken for it."""
    assert security.is_private(address) is expected


@pytest.mark.parametrize("where", ["scheduler", "workers"])
def test_cluster_that_logs_whole_messages_is_refused(cluster, make_proxy, scratch, where):
    """Fails if Dask itself writes the key into its log, which it does at the level DEBUG."""
    proxy = make_proxy()
    call = cluster.run_on_scheduler if where == "scheduler" else cluster.run
    logger = logging.getLogger("distributed.core")
    before = logger.level
    call(logger.setLevel, logging.DEBUG)
    try:
        with raises("proxy.logged", InputError, mentions="DEBUG"), distribute(cluster, proxy):
            pass
    finally:
        call(logger.setLevel, before)
    assert with_secrets(scratch, proxy) == []


def test_worker_that_cannot_keep_it_is_an_error(cluster, make_proxy, scratch):
    """Fails if a run begins although a worker has no proxy."""
    (folder,) = cluster.run(lambda dask_worker: dask_worker.local_directory).values()
    os.mkdir(f"{folder}/x509up")  # noqa: PTH102
    proxy = make_proxy()
    with pytest.raises(RunError) as raised, distribute(cluster, proxy):
        pass
    os.rmdir(f"{folder}/x509up")  # noqa: PTH106
    assert str(raised.value).startswith(
        f"grid proxy {proxy.path} could not be given to the Dask workers: IsADirectoryError: "
    )
    assert with_secrets(scratch, proxy) == []


def test_bad_proxy_is_not_sent(cluster, make_proxy, scratch, caplog):
    """Fails if what is sent is not what is checked."""
    proxy = make_proxy(mode=0o644)
    with raises("proxy.unusable", InputError, mentions="chmod 600"), distribute(cluster, proxy):
        pass
    assert with_secrets(scratch, proxy) == []
    assert ours(caplog) == []


# The driver's watch, which needs no cluster.


@pytest.fixture
def distributed_proxy():
    @contextmanager
    def begin(proxy, **options):
        with distribute(None, proxy, **({"look_every": NOW} | options)) as distribution:
            yield distribution

    return begin


def test_local_processes_use_the_users_file(
    environment, make_proxy, distributed_proxy, monkeypatch
):
    """Fails if this process and its children do not know of the proxy, or do for ever."""
    proxy = make_proxy()
    with distributed_proxy(proxy):
        assert os.environ["X509_USER_PROXY"] == str(proxy.path)
    assert "X509_USER_PROXY" not in os.environ
    monkeypatch.setenv("X509_USER_PROXY", "/before")
    with use_proxy(proxy):
        assert os.environ["X509_USER_PROXY"] == str(proxy.path)
    assert os.environ["X509_USER_PROXY"] == "/before"
    with use_proxy(None):
        assert os.environ["X509_USER_PROXY"] == "/before"


def test_run_is_stopped_before_the_proxy_expires(environment, make_proxy, distributed_proxy):
    """Fails if files that a dead proxy cannot open are tried, and set aside as bad."""
    proxy = make_proxy(ends=4 * SECOND)
    with distributed_proxy(proxy, stop_before=2 * SECOND) as distribution:
        distribution.watch()
        time.sleep(2.5)
        with pytest.raises(RunError) as raised:
            distribution.watch()
    command = f"voms-proxy-init -rfc -voms cms -valid 96:00 -out {proxy.path}"
    assert str(raised.value) in {
        f"grid proxy {proxy.path} expires in {left} s and has not been renewed; the run stops "
        f"here, since no file could be opened afterwards: renew it ({command}) and resume the run"
        for left in (0, 1)
    }


def test_run_with_too_little_time_does_not_begin(environment, make_proxy, distributed_proxy):
    """Fails if a run starts that would be stopped at once."""
    with (
        raises("proxy.unusable", InputError, mentions=("3 min", "5 min")),
        distributed_proxy(make_proxy(ends=4 * MINUTE)),
    ):
        pass


def test_user_is_warned_once_an_hour_before(environment, make_proxy, distributed_proxy, caplog):
    """Fails if there is no time to renew, or the log fills with warnings."""
    with distributed_proxy(make_proxy(ends=50 * MINUTE)) as distribution:
        for _ in range(5):
            distribution.watch()
        (warning,) = ours(caplog)
        assert "expires in 49 min; renew it during the run: voms-proxy-init" in warning
        caplog.clear()
        make_proxy(ends=40 * MINUTE)
        distribution.watch()
        assert ["was renewed" in text or "expires in 39 min" in text for text in ours(caplog)] == [
            True,
            True,
        ]


@pytest.mark.parametrize("how", ["gone", "open to others", "expired", "half written"])
def test_bad_file_in_between_is_reported_and_the_old_one_kept(
    environment, make_proxy, distributed_proxy, caplog, how
):
    """Fails if a renewal that goes wrong takes the good proxy away, or is not told of."""
    proxy = make_proxy()
    with distributed_proxy(proxy) as distribution:
        if how == "gone":
            proxy.path.unlink()
        elif how == "open to others":
            make_proxy(mode=0o644)
        elif how == "expired":
            make_proxy(starts=-2 * MINUTE, ends=-MINUTE)
        else:
            proxy.path.write_text(proxy.path.read_text()[:1000])
        for _ in range(3):
            distribution.watch()
        (warning,) = ours(caplog)
        assert "cannot be used: " in warning
        assert warning.endswith("the one before is still used")
        assert distribution.remaining() > 11 * 60 * MINUTE
        make_proxy(ends=20 * 60 * MINUTE)
        distribution.watch()
        assert "was renewed: it holds for 19 h 59 min" in ours(caplog)[-1]
        assert distribution.remaining() > 19 * 60 * MINUTE


def test_file_that_is_fixed_is_taken(environment, make_proxy, distributed_proxy, caplog):
    """Fails if the advice of the warning, to change the mode of a renewed file, has no effect."""
    with distributed_proxy(make_proxy()) as distribution:
        proxy = make_proxy(ends=20 * 60 * MINUTE, mode=0o644)
        distribution.watch()
        assert f"chmod 600 {proxy.path}" in ours(caplog)[-1]
        proxy.path.chmod(0o600)
        distribution.watch()
        assert distribution.remaining() > 19 * 60 * MINUTE


def test_watch_costs_nothing_between_looks(environment, make_proxy, distributed_proxy, monkeypatch):
    """Fails if a loop that asks at each chunk reads the file each time."""
    with distributed_proxy(make_proxy(), look_every=MINUTE) as distribution:
        distribution.watch()
        looks = []
        monkeypatch.setattr(type(distribution._proxy), "version", lambda _: looks.append(1))
        for _ in range(10_000):
            distribution.watch()
        assert looks == []


def test_plugin_shows_only_its_name():
    """Fails if a dashboard or a log that prints the plugin prints the key."""
    assert repr(ProxyPlugin("name", b"content")) == str(ProxyPlugin("name", b"content"))
    assert "content" not in repr(ProxyPlugin("name", b"content"))

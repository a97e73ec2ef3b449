"""Who gets through to a scheduler: certificates of one authority, and nobody else."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

import pytest
from cluster_processes import ClusterProcesses
from errors import raises

from tau3mu.clusters import connect
from tau3mu.clusters.security import is_loopback, refuse_open_address
from tau3mu.errors import InputError

pytest.importorskip("cryptography")
from grid_authority import Authority


def own_address() -> str:
    """Returns an address of this machine that others can reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no network")
        address: str = probe.getsockname()[0]
    return address


class Certificates:
    """An authority with one certificate, as options of dask and as the text of a site file."""

    def __init__(self, folder):
        folder.mkdir()
        authority = Authority(folder / "ca")
        (self.ca,) = (folder / "ca").glob("*.0")
        self.cert, self.key = authority.host_certificate(folder)

    @property
    def options(self) -> list[str]:
        return ["--protocol", "tls", "--tls-ca-file", str(self.ca), "--tls-cert", str(self.cert),
                "--tls-key", str(self.key)]  # fmt: skip

    def site(self, path):
        path.write_text(f'[tls]\nca_file = "{self.ca}"\ncert = "{self.cert}"\nkey = "{self.key}"\n')
        return path


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def cluster(ours, tmp_path_factory):
    """A cluster of real processes that all speak TLS."""
    folder = tmp_path_factory.mktemp("cluster")
    with ClusterProcesses(
        folder, scheduler_options=ours.options, worker_options=ours.options[2:]
    ) as processes:
        processes.add_worker()
        yield processes


@pytest.mark.integration
def test_tls_cluster_serves_its_own(cluster, ours, tmp_path):
    """Fails if the certificates of the site file do not reach the connection."""
    assert cluster.address.startswith("tls://127.0.0.1:")
    with connect(cluster.address, site=ours.site(tmp_path / "site.toml"), wait=60) as client:
        assert client.submit(sum, [1, 2, 3]).result(timeout=30) == 6
        assert client.security.require_encryption


@pytest.mark.integration
def test_certificates_of_dask_s_own_configuration(cluster, ours, monkeypatch):
    """Fails if a facility that configures dask itself needs a site file of ours as well."""
    import dask

    monkeypatch.delenv("TAU3MU_SITE", raising=False)
    files = {"ca-file": str(ours.ca), "client.cert": str(ours.cert), "client.key": str(ours.key)}
    settings = {f"distributed.comm.tls.{name}": path for name, path in files.items()}
    with dask.config.set(settings), connect(cluster.address, wait=60) as client:
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.mark.integration
def test_tls_cluster_refuses_strangers(cluster, ours, tmp_path, monkeypatch):
    """Fails if a client without certificate, with another authority's, or without TLS gets in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tau3mu.clusters.connection.CONNECT_TIMEOUT", "3s")
    with (
        raises("clusters.no-certificates", InputError),
        connect(cluster.address),
    ):
        pass
    certs = Certificates(tmp_path / "strangers")
    strangers = certs.site(tmp_path / "site.toml")
    with (
        raises("clusters.other-certificates", InputError, path=cluster.address),
        connect(cluster.address, site=strangers),
    ):
        pass
    # This one trusts the scheduler; that it is refused is the scheduler's doing.
    certs.ca = ours.ca
    with (
        raises("clusters.other-certificates", InputError),
        connect(cluster.address, site=certs.site(tmp_path / "site.toml")),
    ):
        pass
    plain = cluster.address.replace("tls://", "tcp://")
    with raises("clusters.no-scheduler", InputError), connect(plain):
        pass


def first_byte(address, context) -> bytes:
    """Returns the first byte of what a server says over TLS; nothing if it refuses to talk."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=10) as stream:
        try:
            with context.wrap_socket(stream) as encrypted:
                return encrypted.recv(1)
        except (ssl.SSLError, ConnectionError):
            return b""


@pytest.mark.integration
def test_the_scheduler_itself_wants_a_certificate(cluster, ours):
    """Fails if only our own client is strict: a stranger brings his own."""
    context = ssl.create_default_context(cafile=ours.ca)
    context.check_hostname = False
    assert first_byte(cluster.address, context) == b""
    context.load_cert_chain(ours.cert, ours.key)
    assert first_byte(cluster.address, context) != b""


def test_missing_certificate_is_named(tmp_path):
    """Fails if a wrong path ends in a traceback of ssl."""
    site = tmp_path / "site.toml"
    site.write_text('[tls]\nca_file = "/no/ca"\ncert = "/no/cert"\nkey = "/no/key"')
    with (
        raises("clusters.unreadable-certificate", InputError, path="/no/ca"),
        connect("tls://a:1", site=site),
    ):
        pass


@pytest.mark.integration
def test_open_scheduler_on_the_network_is_refused(tmp_path):
    """Fails if code is sent over the network in the clear without --insecure."""
    host = own_address()
    with ClusterProcesses(tmp_path, scheduler_options=["--host", host]) as processes:
        assert processes.address.startswith(f"tcp://{host}:")
        processes.add_worker("--host", host)
        with (
            raises("clusters.open-network", InputError, mentions="--insecure"),
            connect(processes.address),
        ):
            pass
        with connect(processes.address, insecure=True, wait=60) as client:
            assert client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.mark.integration
def test_own_cluster_is_closed_to_the_other_users_of_this_machine():
    """Fails if whoever is logged in on the same machine can run code in a cluster of ours."""
    from distributed import Client, Security

    with connect(workers=1) as client:
        places = [client.scheduler.address, *client.scheduler_info()["workers"]]
        assert all(place.startswith("tls://127.0.0.1:") for place in places)
        assert client.submit(sum, [1, 2, 3]).result(timeout=30) == 6
        with pytest.raises(OSError, match="TLS certificate does not match"):
            Client(places[0], security=Security.temporary(), timeout="2s")
        with pytest.raises(OSError, match=r"Timed out|closed"):
            Client(places[0].replace("tls:", "tcp:"), timeout="2s")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for place in places:  # nor do workers talk to who brings no certificate
            assert first_byte(place, context) == b""


@pytest.mark.parametrize(
    ("address", "insecure", "warned"),
    [
        ("tcp://127.0.0.1:8786", False, True),
        ("localhost:8786", False, True),
        ("tcp://127.0.0.1:8786", True, False),
        ("tls://127.0.0.1:8786", False, False),
    ],
)
def test_open_scheduler_on_this_machine_is_warned_of_once(address, insecure, warned, caplog):
    """Fails if nobody is told that other users of a login machine can run code as theirs."""
    refuse_open_address(address, insecure=insecure)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == warned
    assert all(f"the scheduler at {address} does without TLS" in text for text in messages)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.7.6", True), ("::1", True), ("localhost", True),
     ("192.0.2.7", False), ("0.0.0.0", False), ("no.such.host.invalid", False)],
)  # fmt: skip
def test_loopback(host, expected):
    """Fails if a host on the network passes for this machine."""
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("192.0.2.7:8786", "open-network"),
        ("tcp://192.0.2.7:8786", "open-network"),
        ("ws://192.0.2.7:8786", "open-network"),
        ("tls://host", "no-port"),
        ("host", "no-port"),
        ("tls://host:port", "not-an-address"),
        ("tcp://[host]:8786", "not-an-address"),
        ("gateway://host:80", "unknown-scheme"),
    ],
)
def test_addresses_that_are_refused(address, code):
    """Fails if an address without scheme, with websockets or without port slips through."""
    with raises(f"clusters.{code}", InputError, path=address):
        refuse_open_address(address, insecure=False)


@pytest.mark.parametrize(
    "address", ["tls://host:8786", "tcp://127.0.0.1:8786", "localhost:8786", "wss://host:1"]
)
def test_addresses_that_are_accepted(address):
    """Fails if an encrypted or local connection needs --insecure."""
    refuse_open_address(address, insecure=False)

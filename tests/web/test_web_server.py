"""The server as a process."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from web_server import running

HEAVY = (
    *("aiohttp", "awkward", "boost_histogram", "coffea", "dask", "distributed", "fsspec", "hist"),
    *(
        "matplotlib",
        "mplhep",
        "numpy",
        "pyarrow",
        "scipy",
        "tensorflow",
        "uproot",
        "vector",
        "zfit",
    ),
)
LARGEST = 80_000  # kB
SHOW = "tau3mu.show"


@pytest.fixture
def results(tmp_path):
    """A folder that has what the page of a result reads first."""
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "run.json").write_text("{}")
    return folder


def certificate(folder):
    """Writes a certificate for this machine with its key, and returns both files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(encoding))
    paths[1].write_bytes(key.private_bytes(encoding, *plain))
    return paths


def refused(*words, environment=None):
    """Runs a command that must fail, and returns what it says."""
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | (environment or {}),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_prints_its_address_and_ends_quietly(results):
    with running(SHOW, str(results), "--port", "0") as server:
        assert server.url.startswith(f"http://127.0.0.1:{server.port}/?token=")
        assert server.client.get("file/run.json").text == "{}"
        assert server.client.get("file/nothing").status_code == 404
        # Somebody else has no cookie, and the token works for the next browser too.
        assert httpx.get(f"http://127.0.0.1:{server.port}/file/run.json").status_code == 403
        assert httpx.get(server.url).status_code == 303
        assert server.end() == 0
    assert len(server.errors) == 3
    assert server.token not in "".join(server.errors)


def test_its_parts_are_light(tmp_path):
    """What the server imports for all of its pages, and how it answers without the libraries."""
    code = f"""
import sys
from tau3mu.train.page.site import store_site
from tau3mu.train.store import Store
from tau3mu.web import listening, serving
from tau3mu.web.application import application
import uvicorn
application(store_site(Store({str(tmp_path)!r})))
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.integration
def test_the_process_stays_small(tmp_path):
    def memory():
        text = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
        (line,) = [line for line in text.splitlines() if line.startswith("Pss:")]
        return int(line.split()[1])

    with running("tau3mu.train", "serve", "--store", str(tmp_path), "--port", "0") as server:
        assert memory() < LARGEST
        for number in range(50):
            path = ("", "trains", "datasets", "search?q=x", "compare", "style.css")[number % 6]
            assert server.client.get(path).status_code == 200, path
        assert memory() < LARGEST
        mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert not [name for name in ("pyarrow", "awkward_cpp", "scipy") if f"/{name}/" in mapped]


@pytest.mark.integration
def test_many_connections_that_ask_for_nothing(results):
    with running(SHOW, results) as server:
        limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (300, limits[1]))
        said = len(server.errors)
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(400)]
        for one in idle:
            one.close()
        server.client.get("/style.css").raise_for_status()
        assert len(server.errors) == said


def test_a_port_that_is_taken_is_one_error(results):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(SHOW, str(results), "--port", str(port))
    assert str(port) in said


@pytest.mark.integration
def test_the_next_free_port_is_taken(results):
    with running(SHOW, str(results)) as one, running(SHOW, str(results)) as other:
        assert one.port < other.port


@pytest.mark.integration
@pytest.mark.parametrize("by_file", [True, False])
def test_a_token_of_ones_own(results, tmp_path, by_file):
    token = "0123456789abcdef-own"
    words, environment = [SHOW, str(results), "--port", "0"], {}
    if by_file:
        (tmp_path / "token").write_text(f"{token}\n")
        (tmp_path / "token").chmod(0o600)
        words += ["--token-file", str(tmp_path / "token")]
    else:
        environment = {"TAU3MU_TOKEN": token}
    with running(*words, environment=environment) as server:
        assert server.token == token
        assert token not in Path(f"/proc/{server.process.pid}/cmdline").read_text()
        assert server.end(signal.SIGTERM) in {0, -signal.SIGTERM}


@pytest.mark.integration
def test_what_cannot_be_served_is_said_before(results, tmp_path):
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    token.chmod(0o640)
    assert str(token) in refused(SHOW, str(results), "--token-file", str(token))
    assert "TAU3MU_TOKEN" in refused(SHOW, str(results), environment={"TAU3MU_TOKEN": "short"})
    assert "--insecure" in refused(SHOW, str(results), "--host", "0.0.0.0")
    assert "nowhere.invalid" in refused(SHOW, str(results), "--host", "nowhere.invalid")
    assert str(tmp_path / "x") in refused(SHOW, str(tmp_path / "x"))


@pytest.mark.integration
def test_tls(results, tmp_path):
    import ssl

    made, key = certificate(tmp_path)
    words = ["--certificate", str(made), "--key", str(key), "--host", "0.0.0.0", "--port", "0"]
    trusting = ssl.create_default_context(cafile=str(made))
    with running(SHOW, str(results), *words, verify=False) as server:
        assert server.url.startswith("https://")
        with httpx.Client(verify=trusting) as client:
            answer = client.get(f"https://localhost:{server.port}/?token={server.token}")
        assert "secure" in answer.headers["set-cookie"].lower()
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://localhost:{server.port}/")
        assert server.end() == 0


@pytest.mark.integration
def test_the_network_only_when_asked(results):
    words = ["--host", "0.0.0.0", "--insecure", "--port", "0"]
    with running(SHOW, str(results), *words) as server:
        address = f"http://127.0.0.1:{server.port}/?token={server.token}"
        for host, status in ((socket.gethostname(), 303), ("evil.example", 400)):
            assert httpx.get(address, headers={"host": host}).status_code == status


@pytest.mark.integration
def test_nothing_says_the_token_and_nothing_odd_ends_the_server(results):
    with running(SHOW, str(results), "--port", "0") as server:
        address = f"http://127.0.0.1:{server.port}"
        for path in (f"/?token={server.token}x", f"/no/thing?token={server.token}", "/%00%ff?%zz"):
            httpx.get(f"{address}{path}", follow_redirects=True)
        for odd in (
            f"GET /?token={server.token} HTTP/9.9\r\n\r\n",
            f"GET /?token={server.token} HTTP/1.1\r\nHost: localhost\r\nHost: x\r\n\r\n",
            f"GET http://evil.example/?token={server.token} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "POST /enter HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\nabc",
            f"GET /{'x' * 100_000} HTTP/1.1\r\n\r\n", "\0\0\0", "\x16\x03\x01\x02\x00\x01",
        ):  # fmt: skip
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(odd.encode())
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(10_000):
                    pass
        assert server.client.get("file/run.json").status_code == 200
        assert server.end() == 0
    assert server.token not in "".join(server.errors)
    assert "Traceback" not in "".join(server.errors)


@pytest.mark.integration
def test_streams_and_work_do_not_hold_up_the_end(tmp_path):
    code = f"""
import sys, time
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
import argparse
from pathlib import Path
from web_site import ROUTES
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tau3mu.web.site import Site
from tau3mu.web.options import add_server_options
from tau3mu.web.serving import serve
from tau3mu.web.worker import worker

def sleeping(request):
    return PlainTextResponse(str(worker(request).run(time.sleep, 600)))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_server_options(parser)
    site = Site(Path({str(tmp_path)!r}), "x", routes=[*ROUTES, Route("/sleeping", sleeping)])
    sys.exit(serve(site, parser.parse_args(["--port", "0"])))
"""
    (tmp_path / "streaming_server.py").write_text(code)
    environment = {"PYTHONPATH": str(tmp_path)}
    with running("streaming_server", environment=environment) as server:
        cookies = "; ".join(f"{name}={value}" for name, value in server.client.cookies.items())
        ask = "import sys, httpx; httpx.get(sys.argv[1], headers={'cookie': sys.argv[2]})"
        words = [sys.executable, "-c", ask, f"{server.client.base_url}sleeping", cookies]
        with server.client.stream("GET", "events") as answer, subprocess.Popen(words) as waiting:
            told = answer.iter_text()
            assert next(told).startswith("data:")
            while not (workers := _workers(server.process.pid)):
                time.sleep(0.05)
            assert server.end() == 0
            assert set("".join(told).split()) <= {"data:", "one"}  # to its end, without an error
            waiting.kill()
        while any(map(_is_there, workers)):
            time.sleep(0.05)
    assert "Traceback" not in "".join(server.errors)


def _workers(pid):
    """Returns the processes that a server has spawned."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [child for child in path.read_text().split() if _is_there(child)]
    return found


def _is_there(pid):
    try:
        return "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


@pytest.mark.integration
def test_export_writes_a_file_and_starts_nothing(tmp_path):
    file = tmp_path / "out.html"
    assert str(tmp_path) in refused(SHOW, str(tmp_path), "--export", str(file))
    assert not file.exists()


def test_options_are_shown_in_help():
    for words in ([SHOW, "--help"], ["tau3mu.train", "serve", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", *words], capture_output=True, text=True, check=True
        )
        for option in ("--host", "--port", "--token-file", "--certificate", "--key", "--insecure"):
            assert option in done.stdout


def test_vendored_files_are_what_they_say():
    import hashlib

    folder = Path(__import__("tau3mu.web", fromlist=["x"]).__file__).parent / "static"
    listed = json.loads((folder / "vendored.json").read_text())
    for one in listed:
        assert hashlib.sha256((folder / one["file"]).read_bytes()).hexdigest() == one["sha256"]
        assert len((folder / one["license_file"]).read_text()) > 500
        assert one["version"] in one["source"]
        assert one["license"] in {"MIT", "0BSD"}
    names = {one["file"] for one in listed}
    for path in folder.glob("*.js"):
        assert path.name in names or path.stat().st_size < 20_000, path  # small ones are our own

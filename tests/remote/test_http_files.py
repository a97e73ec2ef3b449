"""Files on HTTP servers that refuse, break off, lie, or do not answer."""

from __future__ import annotations

import ssl
import subprocess
import sys

import pytest
from grid_authority import Authority
from misbehaving_server import misbehaving_server
from remote_reading import IN_TIME, SECONDS, raw

from tau3mu.datasets import Dataset, check_files


def test_same_events_as_from_the_local_file(http, read, expected, note):
    """Reading over http would give other bytes, or none."""
    found = read(f"{http[0]}/x.root")
    assert raw(found.reading.events) == expected
    assert found.reading.path == f"{http[0]}/x.root"
    assert 1_000_000 < found.reading.n_bytes < 6_278_791
    note("http", found)


@pytest.mark.parametrize(
    ("manner", "outcome", "reason"),
    [
        ("401", "fatal", "the server answers 401 Unauthorized; check that you may read it"),
        ("403", "fatal", "the server answers 403 Forbidden; check that you may read it"),
        ("404", "bad_file", "no such file"),
        ("408", "transient", "the server answers 408 Request Timeout"),
        ("410", "bad_file", "the server answers 410 Gone"),
        ("429", "transient", "the server answers 429 Too Many Requests"),
        ("500", "transient", "the server answers 500 Internal Server Error"),
        ("503", "transient", "the server answers 503 Service Unavailable"),
        ("403_after_4", "fatal", "the server answers 403 Forbidden; check that you may read it"),
        ("404_after_4", "bad_file", "no such file"),
        ("503_after_4", "transient", "the server answers 503 Service Unavailable"),
        ("page", "bad_file", "the server sends a page of HTML instead of the file"),
        ("page_after_4", "bad_file", "the server sends a page of HTML instead of the file"),
        ("no_ranges", "bad_file", "the server sends the whole file for a part of it"),
        ("short", "bad_file", "expected Chunk of length 100, received 50 bytes"),
        ("short_after_4", "bad_file", "bytes from RemoteSource"),
        ("breaks_off", "transient", "Not enough data to satisfy content length header"),
        ("breaks_off_after_4", "transient", "Not enough data to satisfy content length header"),
    ],
)  # fmt: skip
def test_server_misbehaves(http, read, note, manner, outcome, reason):
    """A busy server would be taken for a damaged file, or a refusal for either of them."""
    url = f"{http[0]}/{manner}/x.root"
    found = read(url)
    note(f"http: {manner}", found)
    assert (found.outcome, found.entries) == (outcome, 0)
    assert str(found.error).startswith(f"{url}: entries 1000 to 4000 cannot be read: ")
    assert reason in str(found.error)
    assert found.error.path == url
    assert found.seconds < IN_TIME


@pytest.mark.parametrize("manner", ["hang", "hang_after_4"])
def test_server_never_answers(http, read, note, manner):
    """The run would wait for ever."""
    found = read(f"{http[0]}/{manner}/x.root")
    note(f"http: {manner}", found, timeout=SECONDS)
    assert found.outcome == "transient"
    assert "no answer in time" in str(found.error)
    assert SECONDS - 0.5 <= found.seconds < IN_TIME


def test_a_busy_server_gives_all_events_at_the_third_attempt(http, read, expected, note):
    """What failed once would stay failed, or a part of the file would be kept."""
    url = f"{http[0]}/503_twice/x.root"
    attempts = [read(url) for _ in range(3)]
    assert [found.outcome for found in attempts] == ["transient", "transient", "read"]
    assert raw(attempts[-1].reading.events) == expected
    note("http: 503 twice, then fine", attempts[-1], attempts=3)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


def test_https(authority, folder, tmp_path, read, note):
    """A certificate that nobody trusts would be accepted, or end as a bad file."""
    certificate, key = authority.host_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    (trusted,) = authority.folder.glob("*.0")
    with misbehaving_server(folder, context) as (address, _):
        refused = read(f"{address}/x.root")
        assert refused.outcome == "fatal"
        assert "SSL_CERT_FILE" in str(refused.error)
        note("https: certificate not trusted", refused)
        program = (
            "import sys\n"
            "from tau3mu.datasets import check_files, dataset_from_files\n"
            "print(check_files([dataset_from_files(sys.argv[1:])], {'run'})[0].entries)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, f"{address}/x.root"],
            env={"PATH": "/usr/bin:/bin", "SSL_CERT_FILE": str(trusted)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.stdout, done.returncode) == ("6000\n", 0), done.stderr


def test_a_token_in_the_url_is_not_part_of_the_reason(http, read):
    """The reason would repeat what is in the URL of the request, such as a token."""
    found = read(f"{http[0]}/403/x.root?token=geheim")
    assert str(found.error).partition("cannot be read: ")[2] == (
        "the server answers 403 Forbidden; check that you may read it"
    )


def test_check_of_the_files_asks_a_busy_server_again(http):
    """A run of hundreds of files would not start because of one that was busy for a second."""
    (checked,) = check_files([Dataset("d", {f"{http[0]}/503_twice/x.root": None})], {"run"})
    assert checked.entries == 6000


def test_file_replaced_while_it_is_open(http, folder, demo, read, note):
    """Bytes of another file would be read at the places that the first one had them."""
    url = f"{http[0]}/x.root"
    assert read(url).outcome == "read"
    (folder / "new.root").write_bytes(demo[1].read_bytes())
    (folder / "new.root").replace(folder / "x.root")
    found = read(url, start=4000, stop=6000)
    note("http: replaced between two chunks", found)
    assert found.outcome == "bad_file"


def test_copy_with_another_uuid_while_it_is_open(http, folder, demo, read):
    """A file of the same structure would be read without an error of the file format."""
    url = f"{http[0]}/x.root"
    assert read(url).outcome == "read"
    content = demo[0].read_bytes()
    uuid = content[41:59] if content[4:8] < b"\0\x0f\x42\x40" else content[53:71]
    assert content.count(uuid) >= 1
    (folder / "new.root").write_bytes(content.replace(uuid, uuid[:-1] + b"?"))
    (folder / "new.root").replace(folder / "x.root")
    found = read(url, start=4000, stop=6000)
    assert found.outcome == "bad_file"
    assert "has changed since it was checked" in str(found.error)

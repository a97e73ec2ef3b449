from __future__ import annotations

import shutil
import subprocess
import zlib

import pytest
from errors import raises
from figures import record_figure
from xrootd_server import needs_xrootd, xrootd

from tau3mu.datasets import (
    Dataset,
    FileDetails,
    check_files,
    check_readable_files,
    verify_checksum,
)
from tau3mu.datasets.checksum import file_checksum, parse_checksum, server_checksum
from tau3mu.errors import InputError
from tau3mu.ntuples import ReadError


@pytest.fixture
def served(demo, tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    return shutil.copy(demo[0], folder / "x.root")


@pytest.fixture
def known(demo):
    return f"adler32:{zlib.adler32(demo[0].read_bytes()):08x}"


def damage(path):
    content = bytearray(path.read_bytes())
    content[3_000_000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("adler32:0A1B2c3d", "adler32:0a1b2c3d"),
        ("adler32:1b2c3d", "adler32:001b2c3d"),
        (" adler32:00000001\n", "adler32:00000001"),
    ],
)
def test_one_form(text, expected):
    """Checksums of catalogues that write them otherwise would never match."""
    assert parse_checksum(text) == expected


@pytest.mark.parametrize("text", ["", "0a1b2c3d", "md5:0a1b2c3d", "adler32:", "adler32:0123456789"])
def test_no_checksum(text):
    """A checksum of another kind would be compared, or be skipped."""
    with raises("dataset.not-a-checksum"):
        parse_checksum(text)


def test_local_file(served, known):
    """Damage that the file format does not find would go into the result."""
    assert file_checksum(str(served)) == known
    assert verify_checksum(str(served), known) is True
    assert verify_checksum(str(served), None) is False
    damage(served)
    found = file_checksum(str(served))
    with raises(
        "dataset.wrong-checksum", ReadError, path=str(served), mentions=(found, known)
    ) as error:
        verify_checksum(str(served), known)
    assert error.value.kind == "bad_file"


def test_empty_file(tmp_path):
    """The checksum of nothing is 1, not 0."""
    (tmp_path / "x.root").touch()
    assert file_checksum(str(tmp_path / "x.root")) == "adler32:00000001"


def test_missing_file(tmp_path):
    """A file that cannot be read would count as verified."""
    with raises("dataset.no-checksum", ReadError, path="x.root") as error:
        verify_checksum(str(tmp_path / "x.root"), "adler32:00000001")
    assert error.value.kind == "bad_file"


def test_http(served, known, server):
    """Files of servers without checksums could not be verified."""
    assert server_checksum(f"{server}/served/x.root") is None
    with raises("dataset.no-checksum", ReadError, path="nowhere.root"):
        verify_checksum(f"{server}/nowhere.root", known)


@pytest.mark.integration
@needs_xrootd
def test_xrootd_server_that_knows_checksums(served, known, tmp_path, monkeypatch):
    """Every byte would be read through the network although the server knows the answer."""
    with xrootd(served.parent, tmp_path, checksums=True) as server:
        url = server.url("x.root")
        answer = subprocess.run(
            ["xrdfs", f"localhost:{server.port}", "query", "checksum", "/x.root"],
            capture_output=True, text=True, timeout=30, check=True,
        ).stdout.split()  # fmt: skip
        assert ":".join(answer) == known == server_checksum(url)
        assert verify_checksum(url, None) is True
        with raises("dataset.wrong-checksum", ReadError, mentions=parse_checksum("adler32:1")):
            verify_checksum(url, "adler32:1")
        monkeypatch.setattr("tau3mu.datasets.checksum.file_checksum", None)  # not to be called
        assert verify_checksum(url, known) is True
        with raises("dataset.no-checksum", ReadError, path="y.root") as error:
            verify_checksum(server.url("y.root"), known)
        assert error.value.kind == "bad_file"
    with pytest.raises(ReadError) as error:
        verify_checksum(url, known)
    assert error.value.kind == "transient"


@pytest.mark.integration
@needs_xrootd
def test_xrootd_server_without_checksums(served, known, tmp_path):
    """A server that does not know the checksum would make the file unverified."""
    with xrootd(served.parent, tmp_path) as server:
        url = server.url("x.root")
        assert server_checksum(url) is None
        assert verify_checksum(url, None) is False
        assert verify_checksum(url, known) is True
        damage(served)
        with raises("dataset.wrong-checksum", ReadError):
            verify_checksum(url, known)


def test_check_of_the_files_compares_when_asked(served, known, demo):
    """A damaged file would be read; or every run would read all files twice."""
    dataset = Dataset("d", {str(served): None}, details={str(served): FileDetails((), known)})
    other = Dataset("e", {str(demo[1]): None})
    (checked,) = check_files([dataset], {"run"}, verify_checksums=True)
    assert checked.checksum == known
    damage(served)
    check_files([dataset], {"run"})
    with pytest.raises(InputError, match="the checksum is adler32:"):
        check_files([dataset], {"run"}, verify_checksums=True)
    found, (rejected,) = check_readable_files([dataset, other], {"run"}, verify_checksums=True)
    record_figure("flipped bit, checksums verified", outcome=rejected.kind, events_out=0)
    assert [file.path for file in found] == [str(demo[1])]
    assert (rejected.path, rejected.kind) == (str(served), "bad_file")
    assert rejected.reason.startswith("the checksum is adler32:")


def test_damaged_replicas_are_left_out(served, known, tmp_path):
    """A later chunk would be read from the replica that was found to be damaged."""
    places = [str(served), *(str(tmp_path / f"{name}.root") for name in ("bad", "good"))]
    for place in places[1:]:
        shutil.copy(served, place)
    damage(tmp_path / "bad.root")
    details = {places[0]: FileDetails(tuple(places[1:]), known)}
    dataset = Dataset("d", {places[0]: None}, details=details)
    (checked,) = check_files([dataset], {"run"}, verify_checksums=True)
    assert (checked.path, checked.replicas) == (places[0], (places[2],))
    damage(served)
    (checked,) = check_files([dataset], {"run"}, verify_checksums=True)
    assert (checked.path, checked.replicas, checked.listed) == (places[2], (), places[0])

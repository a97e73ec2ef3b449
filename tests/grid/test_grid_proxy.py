"""A proxy is found in three places and refused for what would fail later, without showing it."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tau3mu.clusters.proxy import Proxy, find_proxy, needs_proxy
from tau3mu.clusters.proxy.proxy import span
from tau3mu.errors import InputError

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives.asymmetric import rsa

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NEW = "voms-proxy-init -rfc -voms cms -valid 96:00"


@pytest.fixture
def no_variable(monkeypatch):
    monkeypatch.delenv("X509_USER_PROXY", raising=False)


def refusal(proxy, needed=timedelta(0)):
    """Returns why a proxy is refused, having made sure that nothing of its content got out."""
    with pytest.raises(InputError) as raised:
        proxy.check(needed)
    secrets = secret_lines(proxy.path)
    texts = [str(raised.value), repr(raised.value), repr(proxy)]
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    trace = raised.value.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals["__name__"].startswith("tau3mu"):
            texts += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    assert not [text for text in texts if any(secret in text for secret in secrets)]
    message = str(raised.value)
    assert message.startswith(f"grid proxy {proxy.path} cannot be used: ")
    assert "\n" not in message
    return message.removeprefix(f"grid proxy {proxy.path} cannot be used: ")


def secret_lines(path):
    if not path.is_file() or path.stat().st_size > 1_000_000:
        return []
    lines = path.read_text(errors="replace").splitlines()
    return [line for line in lines if len(line) > 30 and not line.startswith("-----")]


def test_option_comes_first_then_the_variable_then_the_usual_place(tmp_path, monkeypatch):
    """Fails if a proxy that the user names is not the one that is used."""
    monkeypatch.setenv("X509_USER_PROXY", str(tmp_path / "variable"))
    assert find_proxy(tmp_path / "option") == Proxy(tmp_path / "option")
    assert find_proxy(None) == Proxy(tmp_path / "variable")


def test_usual_place_is_used_if_there_is_something(no_variable, monkeypatch, tmp_path):
    """Fails if a proxy where voms-proxy-init puts it is overlooked, or one is made up."""
    here = Path(f"/tmp/x509up_u{os.getuid()}")
    assert find_proxy(None) == (Proxy(here) if os.path.lexists(here) else None)
    monkeypatch.setattr("tau3mu.clusters.proxy.proxy._usual_place", lambda: tmp_path / "x509up")
    assert find_proxy(None) is None
    (tmp_path / "x509up").touch()
    assert find_proxy(None) == Proxy(tmp_path / "x509up")


def test_paths_are_absolute(monkeypatch, tmp_path):
    """Fails if workers, which run in other folders, are told of a relative path."""
    monkeypatch.chdir(tmp_path)
    assert find_proxy(Path("mine")) == Proxy(tmp_path / "mine")
    assert find_proxy(Path("~/mine")) == Proxy(Path.home() / "mine")
    monkeypatch.setenv("X509_USER_PROXY", "theirs")
    assert find_proxy(None) == Proxy(tmp_path / "theirs")


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("root://site.org//store/x.root", True),
        ("roots://site.org//store/x.root", True),
        ("xroot://site.org//store/x.root", True),
        ("XROOTS://site.org//store/x.root", True),
        ("https://site.org/x.root", False),
        ("/data/root:/x.root", False),
        ("file.root", False),
    ],
)
def test_only_xrootd_shows_proxies(path, needed):
    """Fails if local runs are refused for an old proxy, or remote ones begin without a check."""
    assert needs_proxy([path]) is needed
    assert needs_proxy(["local.root", path]) is needed
    assert needs_proxy([]) is False


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_good_proxy_passes(make_proxy, levels):
    """Fails if a proxy, also one of a proxy, is refused or its end is misread."""
    proxy = make_proxy(levels=levels)
    proxy.check(11 * HOUR)
    assert 12 * HOUR - MINUTE < proxy.remaining() <= 12 * HOUR


def test_certificates_may_come_in_any_order_after_the_first(make_proxy):
    """Fails if a file that XRootD takes is refused for the order of its chain."""
    proxy = make_proxy(levels=3)
    blocks = re.findall("-----BEGIN.*?-----END.*?-----\n", proxy.path.read_text(), re.DOTALL)
    proxy.path.write_text("".join([blocks[0], *blocks[:0:-1]]))
    proxy.check()


def test_missing_file(tmp_path):
    """Fails if a run begins with a path where there is nothing."""
    path = tmp_path / "no such"
    assert refusal(Proxy(path)) == (f"there is no such file; make a new one: {NEW} -out '{path}'")


def test_command_for_the_usual_place_is_short(monkeypatch, tmp_path):
    """Fails if users are given a path that they need not write."""
    monkeypatch.setattr("tau3mu.clusters.proxy.proxy._usual_place", lambda: tmp_path / "x509up")
    assert refusal(Proxy(tmp_path / "x509up")).endswith(f"make a new one: {NEW}")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601, 0o777])
def test_file_that_others_may_use(make_proxy, mode):
    """Fails if a key that others can read is used; XRootD itself takes it."""
    proxy = make_proxy(mode=mode)
    assert refusal(proxy) == (
        f"others may use it (its mode is {mode:04o}); make it yours alone: chmod 600 {proxy.path}"
    )


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_file_that_is_the_users_alone(make_proxy, mode):
    """Fails if a safe file is refused."""
    make_proxy(mode=mode).check()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a file away")
def test_file_of_somebody_else(make_proxy):
    """Fails if a proxy that somebody else has put there is used, though root could read it."""
    proxy = make_proxy()
    os.chown(proxy.path, 12345, -1)
    assert refusal(proxy) == (
        "it belongs to the user with number 12345 rather than to you (0); make your own and give "
        f"its path with --proxy: {NEW} -out ~/.x509up"
    )


def test_link_to_ones_own_file_is_followed(make_proxy, tmp_path):
    """Fails if sites that link to the proxy are refused."""
    proxy = make_proxy()
    (tmp_path / "link").symlink_to(proxy.path)
    Proxy(tmp_path / "link").check()


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_not_a_file(tmp_path, kind):
    """Fails if opening a pipe waits for ever, or a folder is read."""
    path = tmp_path / "there"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    assert refusal(Proxy(path)).startswith("it is not a file; make one: ")


def test_huge_file(make_proxy):
    """Fails if a wrong path makes the driver read gigabytes."""
    proxy = make_proxy()
    os.truncate(proxy.path, 10**12)
    assert refusal(proxy).startswith("it has 1000000000000 bytes, which no proxy has")


def test_expired(make_proxy):
    """Fails if a run begins with a proxy that no server takes."""
    proxy = make_proxy(starts=-3 * HOUR, ends=-2 * HOUR)
    assert refusal(proxy) == (f"it expired 2 h 0 min ago; make a new one: {NEW} -out {proxy.path}")
    assert proxy.remaining() == timedelta(0)


def test_certificate_behind_it_expired(make_proxy):
    """Fails if only the first certificate of the chain is looked at."""
    proxy = make_proxy(user_ends=-MINUTE)
    assert re.match(r"it expired 6[01] s ago; make a new one: ", refusal(proxy))


def test_voms_attributes_expired(make_proxy):
    """Fails if a proxy passes whose VOMS attributes, which sites ask for, are over before it."""
    proxy = make_proxy(attributes_end=3 * HOUR)
    assert 3 * HOUR - MINUTE < proxy.remaining() <= 3 * HOUR
    proxy.check(2 * HOUR)
    assert "4 h 0 min are needed" in refusal(proxy, 4 * HOUR)
    assert re.match(r"it expired 6[01] s ago", refusal(make_proxy(attributes_end=-MINUTE)))


def test_not_yet_valid(make_proxy):
    """Fails if a proxy from a clock that runs ahead passes."""
    proxy = make_proxy(starts=HOUR)
    begins = datetime.now(timezone.utc) + HOUR
    message = refusal(proxy)
    assert re.match(r"it holds only from .* UTC on, and it is .* UTC here: correct the", message)
    assert any(f"{begins - timedelta(seconds=s):%H:%M:%S}" in message for s in range(10))
    assert message.endswith(f"{NEW} -out {proxy.path}")


def test_too_short(make_proxy):
    """Fails if a run of hours begins with a proxy of minutes."""
    proxy = make_proxy(ends=30 * MINUTE)
    proxy.check(29 * MINUTE)
    assert refusal(proxy, 2 * HOUR) == (
        f"it expires in 29 min, and 2 h 0 min are needed; make a new one: {NEW} -out {proxy.path}"
    )


def test_key_of_another_certificate(make_proxy):
    """Fails if the mismatch is found by the server only."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    message = refusal(make_proxy(key=key))
    assert message.startswith("its private key does not belong to its first certificate; make a")


def without_key(text):
    return re.sub("-----BEGIN RSA.*?-----END RSA PRIVATE KEY-----\n", "", text, flags=re.DOTALL)


def with_key_twice(text):
    return text + re.findall("-----BEGIN RSA.*?-----END RSA PRIVATE KEY-----\n", text, re.DOTALL)[0]


def with_damaged_key(text):
    at = text.index("PRIVATE KEY-----\n") + 17
    return text[:at] + "AAAA" * 10 + text[at + 40 :]


def with_damaged_certificate(text):
    at = text.rindex("BEGIN CERTIFICATE-----\n") + 23
    return text[:at] + "AAAA" * 10 + text[at + 40 :]


def with_locked_key(text):
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    block = re.findall("-----BEGIN RSA.*?-----END RSA PRIVATE KEY-----\n", text, re.DOTALL)[0]
    locked = load_pem_private_key(block.encode(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )
    return text.replace(block, locked.decode())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda _: "", "it holds no certificate"),
        (lambda _: "<html>503</html>\n", "it holds no certificate"),
        (lambda text: text[: len(text) // 3], "it holds no private key"),
        (without_key, "it holds no private key"),
        (with_key_twice, "it holds more than one private key"),
        (with_damaged_key, "its private key is damaged"),
        (with_locked_key, "its private key is locked with a password"),
        (with_damaged_certificate, "its certificate number 2 is damaged"),
        (
            lambda text: text[: text.rindex("-----BEGIN")],
            "a certificate of its chain is not in the file",
        ),
    ],
    ids=[
        "empty", "html", "cut", "no key", "two keys", "damaged key", "locked key",
        "damaged certificate", "cut chain",
    ],
)  # fmt: skip
def test_file_that_is_no_proxy(make_proxy, change, problem):
    """Fails if a damaged file gets as far as the server, or its error shows what is in it."""
    proxy = make_proxy()
    proxy.path.write_text(change(proxy.path.read_text()))
    assert refusal(proxy) == f"{problem}; make a new one: {NEW} -out {proxy.path}"


def test_certificate_of_a_person_is_no_proxy(authority, tmp_path):
    """Fails if the long-lived key of a person would be sent to workers."""
    certificate, key = authority.host_certificate(tmp_path)
    path = tmp_path / "both"
    path.touch(0o600)
    path.write_text(certificate.read_text() + key.read_text())
    assert refusal(Proxy(path)).startswith(
        "its first certificate is that of a person or a host rather than a proxy; make a new one: "
    )


def test_chain_of_somebody_else(authority, make_proxy, tmp_path):
    """Fails if names alone make a chain: the certificate behind the proxy has not signed it."""
    first, second = make_proxy(), Proxy(type(authority)(tmp_path / "other").proxy(tmp_path / "b"))
    own = first.path.read_text()
    other = second.path.read_text()
    mixed = own[: own.rindex("-----BEGIN")] + other[other.rindex("-----BEGIN") :]
    first.path.write_text(mixed)
    assert refusal(first).startswith("its chain is broken: one certificate has not signed the next")


def test_without_cryptography(make_proxy, monkeypatch):
    """Fails if the missing package is a traceback."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "cryptography":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert refusal(make_proxy()).endswith("is not here: pip install cryptography")


def test_only_checking_imports_cryptography():
    """Fails if the command line becomes slower, or stops, for those who have no proxy."""
    code = (
        "import sys; from tau3mu.clusters.proxy import find_proxy, needs_proxy, use_proxy; "
        "find_proxy(None); needs_proxy(['x']); "
        "print([m for m in ('cryptography', 'distributed', 'uproot') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_nothing_is_logged(make_proxy, caplog):
    """Fails if checking writes any of it into the log of a run."""
    caplog.set_level(logging.DEBUG)
    proxy = make_proxy()
    proxy.check()
    proxy.remaining()
    content = proxy.read()
    assert not [line for line in secret_lines(proxy.path) if line in caplog.text + repr(content)]


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=119.9), "119 s"),
        (timedelta(seconds=120), "2 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h 0 min"),
        (timedelta(days=8, hours=1, minutes=5), "193 h 5 min"),
    ],
)
def test_lengths_of_time(time, text):
    """Fails if a user is told of more time than there is."""
    assert span(time) == text

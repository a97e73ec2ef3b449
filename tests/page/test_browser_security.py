"""Who may see the page, and what it lets through, as a browser and a plain client see it."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from making import HOSTILE

pytestmark = pytest.mark.integration


def ask(server, path="/", method="GET", body=None, **headers):
    """Asks a server without a browser; returns status, headers and text."""
    connection = HTTPConnection(urlsplit(server.home).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=named)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, answer.headers, text


def cookie_of(server):
    """Exchanges the token for the cookie."""
    _, headers, _ = ask(server, urlsplit(server.url)._replace(scheme="", netloc="").geturl())
    return headers["set-cookie"].partition(";")[0]


def test_the_token_is_exchanged_for_a_strict_cookie(tab, server):
    assert "token" not in tab.page.url
    (cookie,) = tab.page.context.cookies()
    assert (cookie["sameSite"], cookie["httpOnly"]) == ("Strict", True)
    assert cookie["value"] not in server.url
    tab.go("trains")


@pytest.mark.parametrize("path", ["", "?token=wrong", "trains", "?token=%C3%A9", "file/.store"])
def test_nothing_is_shown_without_the_token(browser, server, path, made):
    page = browser.new_context().new_page()
    answer = page.goto(server.home + path)
    assert answer.status in {401, 403}
    assert page.context.cookies() == []
    assert made.store.root.name not in page.inner_text("body")
    page.context.close()


def test_other_hosts_are_refused(server):
    cookie = cookie_of(server)
    assert ask(server, Cookie=cookie)[0] == 200
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", ""):
        status, headers, _ = ask(server, Cookie=cookie, Host=host)
        assert status == 400, host
        assert "set-cookie" not in headers


def test_forms_of_other_pages_change_nothing(server, made):
    cookie = cookie_of(server)
    before = len(made.store.trains())
    kind = "application/x-www-form-urlencoded"
    for path in ("/start", "/trains/1/comment", "/trains/2/kill"):
        for body in ("", "csrf=", "csrf=wrong&label=x"):
            status, _, _ = ask(server, path, "POST", body, Cookie=cookie, Content_Type=kind)
            assert status == 403, path
    assert len(made.store.trains()) == before


@pytest.mark.parametrize(
    "path",
    [
        "file/../phi.json", "file/%2e%2e/phi.json", "file/..%2fphi.json", "file//etc/passwd",
        "file/%2fetc%2fpasswd", "file/link/passwd", "file/.store", "file/trains/0003/nothing",
        "result?folder=..", "result?folder=/etc", "result?folder=link", "file/trains%00/0003",
        "trains/99", "trains/x", "tests/nothing", "tests/dsphipi/99", "datasets/nothing", "nothing",
        "histogram?folder=trains/0003/results&processor=../..&name=mass",
        "histogram?folder=trains/0003/results&processor=dsphipi&name=nothing",
        "candidates?folder=trains/0003/results&processor=nothing", "jobs/../../etc",
    ],
)  # fmt: skip
def test_nothing_outside_of_the_store_is_shown(server, made, path):
    link = made.store.root / "link"
    if not link.is_symlink():
        link.symlink_to("/etc")
    status, _, text = ask(server, f"/{path}", Cookie=cookie_of(server))
    assert status in {400, 404}, text
    assert "root:" not in text
    assert "schema_version" not in text


def test_every_answer_has_a_policy(server):
    cookie = cookie_of(server)
    paths = ["/", "/trains", "/nothing", "/file/trains/0003/results/run.json", "/style.css"]
    for path in paths:
        _, headers, _ = ask(server, path, Cookie=cookie)
        parts = [part.split() for part in headers["content-security-policy"].split(";")]
        policy = {name: values for name, *values in filter(None, parts)}
        assert policy["default-src"] == ["'none'"]
        assert policy.get("script-src", ["'none'"]) in (["'self'"], ["'none'"])
        assert headers["x-content-type-options"] == "nosniff"


def test_the_token_is_in_no_log(made, servers):
    server = servers(made.serve, made.folder)
    token = urlsplit(server.url).query.partition("=")[2]
    assert len(token) > 20
    ask(server, f"/?token={token}x")
    ask(server, f"/nothing?token={token}", Cookie=cookie_of(server))
    ask(server, f"/{HOSTILE.replace(' ', '%20')}?token={token}")
    assert token not in server.stop()
    written = [path for path in made.store.root.rglob("*") if path.is_file()]
    assert not any(token.encode() in Path(path).read_bytes() for path in written)

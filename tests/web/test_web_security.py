"""What the guard lets through."""

from __future__ import annotations

import re

import anyio
import pytest
from starlette.testclient import TestClient
from web_site import ACCESS, TOKEN

from tau3mu.web import security
from tau3mu.web.application import application
from tau3mu.web.forms import LARGEST
from tau3mu.web.security import Access


def policy(answer):
    """Returns the Content-Security-Policy of an answer."""
    parts = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((name, 200) for name in ("localhost", "LOCALHOST:80", "127.0.0.1:8765", "[::1]:8765")),
        *((name, 400) for name in ("evil.example", "localhost.evil.example", "127.0.0.1.nip.io")),
        *(
            (name, 400)
            for name in ("", "user@localhost", "localhost:x", "localhost/x", "[::2]", "[")
        ),
        *((name, 400) for name in ("localhost, evil.example", "0x7f.1", "127.1")),
    ],
)
def test_only_the_names_of_the_server_are_answered(friend, host, status):
    cookie = f"tau3mu_1={ACCESS.derived('cookie')}"
    answer = friend.get("/asked/x", headers={"host": host, "cookie": cookie})
    assert answer.status_code == status
    if status == 400:
        assert friend.get("/", params={"token": TOKEN}, headers={"host": host}).status_code == 400


def test_the_address_at_which_a_server_was_reached_is_one_of_its_names(site):
    client = TestClient(application(site, ACCESS), "http://192.0.2.7", follow_redirects=False)
    assert client.get("/", params={"token": TOKEN}).status_code == 303
    headers = {"host": "192.0.2.8"}
    assert client.get("/", params={"token": TOKEN}, headers=headers).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_there_is_only_get_head_and_post(friend, method):
    assert friend.request(method, "/asked/x").status_code == 405


def test_a_form_of_the_page_is_taken(post):
    answer = post(name="a\0b", other="")
    assert answer.status_code == 200
    assert "('name', ['a\\x00b'])" in answer.text
    assert "('other', [''])" in answer.text


def test_the_token_of_forms_can_be_a_header(friend, csrf):
    headers = {"x-csrf-token": csrf, "origin": "http://localhost"}
    assert friend.post("/changed", data={"a": "b"}, headers=headers).status_code == 200


@pytest.mark.parametrize("given", ["", "x", TOKEN, ACCESS.derived("cookie"), "é"])
def test_a_form_without_its_token_is_refused(friend, given):
    headers = {"origin": "http://localhost"}
    for data in ({"csrf": given}, {"a": "b"}):
        answer = friend.post("/changed", data=data, headers=headers)
        assert (answer.status_code, "web.stale-form" in answer.text) == (403, True)


def test_without_the_cookie_no_form_is_taken(stranger, csrf):
    answer = stranger.post("/changed", data={"csrf": csrf}, headers={"origin": "http://localhost"})
    assert answer.status_code == 403
    assert 'name="token"' in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost"}, 200),
        ({"origin": "http://localhost:9999"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://evil.example/http://localhost"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://[", "host": "localhost"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ],
)
def test_a_form_must_come_from_the_page(post, headers, status):
    assert post(headers=headers).status_code == status


def test_a_proxy_may_have_a_name_of_its_own(site, csrf):
    access = Access(
        TOKEN,
        hosts=ACCESS.hosts | {"hub.example"},
        proxies=frozenset({"hub.example"}),
        cookie="tau3mu_1",
    )
    client = TestClient(application(site, access), "http://localhost", follow_redirects=False)
    client.get("/", params={"token": TOKEN})
    for headers in (
        {"origin": "https://hub.example"},
        {"origin": "https://hub.example", "host": "hub.example"},
    ):
        cookie = {"cookie": f"tau3mu_1={access.derived('cookie')}"}
        answer = client.post("/changed", data={"csrf": csrf}, headers=headers | cookie)
        assert answer.status_code == 200
    answer = client.post("/changed", data={"csrf": csrf}, headers={"origin": "http://localhost:1"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("source", "mode", "kind", "status"),
    [
        ("cross-site", "no-cors", "image", 403), ("same-site", "cors", "empty", 403),
        ("cross-site", "navigate", "", 403), ("cross-site", "navigate", "object", 403),
        ("cross-site", "navigate", "document", 200), ("same-origin", "cors", "empty", 200),
        ("none", "navigate", "document", 200),
    ],
)  # fmt: skip
def test_other_sites_cannot_include_anything(friend, source, mode, kind, status):
    headers = {"sec-fetch-site": source, "sec-fetch-mode": mode, "sec-fetch-dest": kind}
    assert friend.get("/asked/x", headers=headers).status_code == status


def test_a_form_has_limits(friend, post, csrf):
    assert post(a="x" * (LARGEST - 1000)).status_code == 200
    assert post(a="x" * LARGEST).status_code == 413
    headers = {"origin": "http://localhost", "x-csrf-token": csrf}
    fields = "&".join(f"a{i}=1" for i in range(2000))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = friend.post("/changed", content=fields, headers=headers | kind)
    assert answer.status_code == 413
    for path in ("/changed", "/enter"):  # before anything looks for its token
        answer = friend.post(path, content=fields, headers={"origin": "http://localhost"} | kind)
        assert answer.status_code == 413
    for wrong in ("multipart/form-data; boundary=x", "application/json", "text/plain", ""):
        answer = friend.post("/changed", content="a=1", headers=headers | {"content-type": wrong})
        assert answer.status_code == 415


def test_a_form_must_arrive(site, monkeypatch):
    monkeypatch.setattr(security, "_LONGEST", 0.01)
    headers = [(b"host", b"localhost"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": "/changed", "query_string": b""}
    scope |= {"headers": headers, "scheme": "http", "server": None}

    def status(receive):
        sent = []

        async def send(message):
            sent.append(message)

        anyio.run(application(site, ACCESS), dict(scope), receive, send)
        return sent[0]["status"]

    async def gone():
        return {"type": "http.disconnect"}

    assert status(anyio.sleep_forever) == 408
    assert status(gone) == 408


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/shown/x", 200), ("/nothing", 404), ("/failing/defect", 500), ("/failing/input", 400),
        ("/file/trains/0001/run.json", 200), ("/file/trains/0001/numbers.root", 200),
        ("/static/page.css", 200), ("/static/nothing", 404), ("/style.css", 200), ("/changed", 405),
    ],
)  # fmt: skip
def test_every_answer_says_what_a_browser_may_do(visitor, path, status):
    answer = visitor.get(path)
    assert answer.status_code == status
    rules = policy(answer)
    assert rules["default-src"] == ["'none'"]
    assert not any("unsafe" in word for values in rules.values() for word in values)
    if "sandbox" not in rules:
        assert (rules["script-src"], rules["style-src"]) == (["'self'"], ["'self'"])
        assert (rules["base-uri"], rules["frame-ancestors"]) == (["'none'"], ["'self'"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] in {"same-origin", "no-referrer"}
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    kept = path.startswith(("/file", "/static", "/style")) and status == 200
    assert ("no-store" in answer.headers["cache-control"]) is not kept
    assert "server" not in answer.headers


def test_refusals_are_guarded_too(stranger):
    for answer in (stranger.get("/"), stranger.get("/", headers={"host": "x.example"})):
        assert policy(answer)["default-src"] == ["'none'"]
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("input", 400, "here.wrong"), ("missing", 404, "here.missing"),
        ("conflict", 409, "here.runs"), ("run", 503, "here.failed"), ("busy", 503, "web.busy"),
        ("gone", 404, "web.unreadable"), ("denied", 403, "web.unreadable"),
        ("defect", 500, "web.defect"),
    ],
)  # fmt: skip
def test_errors_are_pages_with_their_code(visitor, kind, status, code):
    answer = visitor.get(f"/failing/{kind}")
    assert answer.status_code == status
    assert f"<code>{code}</code>" in answer.text
    assert "a secret of the code" not in answer.text


def test_what_is_asked_is_shown_as_text(visitor):
    name = "<img src=x onerror=alert(1)>"
    answer = visitor.get(f"/file/{name}")
    assert answer.status_code == 404
    assert "<img" not in answer.text
    assert "&lt;img" in answer.text


@pytest.mark.parametrize(
    "path", ["/shown/x", "/shown/a/b", "/shown/a%2Fb", "/shown//a", "/nothing"]
)
def test_all_addresses_are_relative(visitor, path):
    text = visitor.get(path).text
    found = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    depth = path.count("/") - 1
    assert found
    for address in found:
        if not address.startswith("#"):
            assert re.match(rf"(\.\./){{{depth}}}(?!\.\./)|\./" if depth else r"\./", address)


def test_a_slash_at_the_end_leads_nowhere_else(visitor):
    for path in ("/static", "/shown", "/failing/input/"):
        assert visitor.get(path, follow_redirects=False).status_code == 404

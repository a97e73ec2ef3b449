"""The token and the cookie."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from web_site import ACCESS, TOKEN

from tau3mu.web import entry
from tau3mu.web.application import application
from tau3mu.web.security import Access

FORM = {"origin": "http://localhost"}


def test_the_token_becomes_a_cookie_that_does_not_hold_it(stranger):
    answer = stranger.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    name, *words = (word.strip() for word in answer.headers["set-cookie"].split(";"))
    assert name.startswith("tau3mu_1=")
    assert sorted(word.lower() for word in words) == ["httponly", "samesite=strict"]
    assert TOKEN not in name
    assert stranger.get("/asked/x").status_code == 200


def test_over_tls_the_cookie_is_secure(site):
    client = TestClient(application(site, ACCESS), "https://localhost", follow_redirects=False)
    assert "secure" in client.get("/", params={"token": TOKEN}).headers["set-cookie"].lower()


@pytest.mark.parametrize("query", [{}, {"token": "wrong"}, {"token": ""}, {"token": "é\0"}])
@pytest.mark.parametrize("path", ["/", "/asked/x", "/nothing", "/file/trains/0001/run.json"])
def test_without_the_token_there_is_only_its_form(stranger, query, path):
    answer = stranger.get(path, params=query, follow_redirects=True)
    assert answer.status_code == 403
    assert 'name="token"' in answer.text
    assert "a site" not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "value", ["", "x", TOKEN, ACCESS.derived("form"), ACCESS.derived("cookie")[:-1]]
)
def test_another_cookie_is_none(stranger, value):
    assert stranger.get("/asked/x", headers={"cookie": f"tau3mu_1={value}"}).status_code == 403


def test_the_pages_that_everybody_needs_are_open(stranger):
    for path in ("/style.css", "/static/page.css", "/static/icon.png"):
        assert stranger.get(path).status_code == 200


def test_a_token_at_another_address_leads_there(stranger):
    answer = stranger.get("/asked/a/b", params={"token": TOKEN, "x": "1&2"})
    assert answer.headers["location"].startswith("../../?")
    assert "set-cookie" not in answer.headers  # its path would be that of the page
    followed = stranger.get(
        "/asked/a/b", params={"token": TOKEN, "x": "1&2"}, follow_redirects=True
    )
    assert followed.url == "http://localhost/asked/a/b?x=1%262"
    assert followed.status_code == 200


def test_the_form_leads_to_the_page_that_was_asked(stranger):
    page = stranger.get("/asked/a/b?x=1").text
    assert 'action="../../enter"' in page
    assert 'name="next" value="./asked/a/b?x=1"' in page
    fields = {"token": f" {TOKEN} ", "next": "./asked/a/b?x=1"}
    answer = stranger.post("/enter", data=fields, headers=FORM, follow_redirects=True)
    assert answer.url == "http://localhost/asked/a/b?x=1"
    assert answer.text.startswith("/asked/a/b")


@pytest.mark.parametrize(
    "following",
    [
        *("//evil.example", "/\\evil.example", "https://evil.example", "../../other", "a/../../b"),
        *("\\\\evil.example", "javascript:alert(1)", "a\r\nset-cookie: x=y", "./../x"),
    ],
)
def test_nothing_leads_to_another_site(stranger, following):
    for answer in (
        stranger.get("/", params={"token": TOKEN, "next": following}),
        stranger.post("/enter", data={"token": TOKEN, "next": following}, headers=FORM),
    ):
        assert answer.status_code == 303
        assert answer.next_request.url.host == "localhost"
        assert answer.headers["location"].startswith("./")
        assert ".." not in answer.headers["location"].partition("?")[0].split("/")


def test_a_link_of_another_site_leads_on_from_a_page(stranger):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    headers["sec-fetch-dest"] = "document"
    answer = stranger.get("/", params={"token": TOKEN, "next": 'a?b="c'}, headers=headers)
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=./a?b=&#34;c">' in answer.text
    assert "set-cookie" in answer.headers


def test_wrong_tokens_wait_for_each_other(site, monkeypatch):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr(entry.anyio, "sleep", sleep)
    monkeypatch.setattr(entry.time, "monotonic", lambda: 100.0)
    client = TestClient(application(site, ACCESS), "http://localhost")
    answers = [client.get("/", params={"token": f"x{i}"}).status_code for i in range(25)]
    assert answers == [403] * 20 + [429] * 5
    assert waited == [0.5 * (i + 1) for i in range(20)]
    assert client.get("/", params={"token": TOKEN}, follow_redirects=False).status_code == 303


def test_after_a_restart_the_cookie_of_before_leads_to_the_form(site, friend):
    again = TestClient(application(site, Access("a new token, as long")), "http://localhost")
    again.cookies = friend.cookies
    answer = again.get("/asked/x")
    assert answer.status_code == 403
    assert 'name="token"' in answer.text
    kept = TestClient(application(site, ACCESS), "http://localhost", cookies=friend.cookies)
    assert kept.get("/asked/x").status_code == 200  # with the same token

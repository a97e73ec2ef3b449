"""The page behind a proxy that shows it below a folder, as jupyter-server-proxy does."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient
from web_site import ACCESS, TOKEN

from tau3mu.web.application import application

PREFIX = "/user/anna/proxy/8765"


@pytest.fixture
def proxied(site):
    """A client that sees the page below a prefix."""
    app = application(site, ACCESS)

    async def proxy(scope, receive, send):
        if scope["type"] == "http":
            assert scope["path"].startswith(f"{PREFIX}/"), scope["path"]
            path, raw = scope["path"][len(PREFIX) :], scope["raw_path"][len(PREFIX) :]
            scope = {**scope, "path": path, "raw_path": raw}
        await app(scope, receive, send)

    return TestClient(proxy, "http://localhost")


def test_all_stays_below_the_prefix(proxied):
    answer = proxied.get(f"{PREFIX}/", params={"token": TOKEN}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    (cookie,) = proxied.cookies.jar
    assert cookie.path == PREFIX
    assert proxied.get(f"{PREFIX}/asked/a/b").status_code == 200
    text = proxied.get(f"{PREFIX}/shown/a%2Fb/c").text
    links = re.findall(r'(?:href|src)="([^"#][^"]*)"', text)
    assert links
    for link in links:
        there = answer.request.url.join(f"{PREFIX}/shown/a%2Fb/").join(link)
        assert there.path.startswith(PREFIX)
    (style,) = [link for link in links if link.endswith("/style.css")]
    there = f"http://localhost{PREFIX}/shown/a%2Fb/{style}"
    assert proxied.get(there).status_code == 200


def test_the_form_of_the_token_works_there(proxied):
    page = proxied.get(f"{PREFIX}/asked/a?x=1")
    assert page.status_code == 403
    (action,) = re.findall(r'action="([^"]*)"', page.text)
    (following,) = re.findall(r'name="next" value="([^"]*)"', page.text)
    answer = proxied.post(
        f"{PREFIX}/asked/{action}", data={"token": TOKEN, "next": following},
        headers={"origin": "http://localhost"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.url == f"http://localhost{PREFIX}/asked/a?x=1"


def test_a_token_at_a_page_leads_there(proxied):
    answer = proxied.get(f"{PREFIX}/asked/a/b", params={"token": TOKEN})
    assert answer.url == f"http://localhost{PREFIX}/asked/a/b"
    (cookie,) = proxied.cookies.jar
    assert cookie.path == PREFIX

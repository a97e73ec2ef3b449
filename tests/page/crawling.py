"""All pages that links of the page lead to, read as text by a client without scripts."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

__all__ = ["Answer", "Document", "client", "crawl", "get"]

_LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "form": "action"}

_WAITING = re.compile(r"/(candidates|compare)\?")
_LEFT_OUT = re.compile(r"figure\?|/export\?|[?&](sort|part|lower)=|\.csv\?|\.png$")


@dataclass
class Document(HTMLParser):
    """What matters of a page: where it leads, and whether it has code in it.

    Attributes:
        links: Addresses of links, pictures, styles, scripts and forms, as they are written.
        actions: Addresses to which forms are sent that change something.
        code: Scripts, styles and handlers within the page.
        pictures: Sources of its pictures.
        ids: Of its elements.
    """

    text: str
    links: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Reads the text."""
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Reads an element."""
        given = {name: value or "" for name, value in attrs}
        if address := given.get(_LINKS.get(tag, "")):
            is_sent = given.get("method", "").lower() == "post"
            (self.actions if is_sent else self.links).append(address)
        if tag == "img":
            self.pictures.append(given.get("src", ""))
        if "id" in given:
            self.ids.append(given["id"])
        inline = tag == "script" and "src" not in given
        if inline and given.get("type") != "application/json":
            self.code.append("script")
        self.code += [name for name in given if name.startswith("on") or name == "style"]
        self.code += [tag] if tag in {"style", "base", "iframe", "object", "embed"} else []


@dataclass(frozen=True)
class Answer:
    """What a server answers."""

    url: str
    status: int
    kind: str
    content: bytes


def client(url: str) -> OpenerDirector:
    """Returns a client that has exchanged the token in an address for the cookie."""
    opener = build_opener(HTTPCookieProcessor(CookieJar()))
    opener.open(url, timeout=30).close()
    return opener


def get(opener: OpenerDirector, url: str) -> Answer:
    """Asks for a page, whatever its status is."""
    try:
        with opener.open(Request(url), timeout=60) as found:
            return Answer(url, found.status, found.headers.get_content_type(), found.read())
    except HTTPError as error:
        with error:
            return Answer(url, error.code, error.headers.get_content_type(), error.read())


def crawl(opener: OpenerDirector, home: str, most: int) -> dict[str, tuple[Answer, Document]]:
    """Follows all links of pages, the nearest first; files are asked for as well.

    Pictures and reports that are made on demand, and tables in other orders, are left out: each
    takes its time, and has tests of its own.

    Args:
        opener: Of `client`.
        home: Where to begin, and what not to leave.
        most: Pages after which it is enough.
    """
    todo, seen = deque([home]), {home}
    found = {}
    while todo and len(found) < most:
        answer = get(opener, todo.popleft())
        is_page = answer.kind == "text/html" and "/file/" not in answer.url
        document = Document(answer.content.decode() if is_page else "")
        found[answer.url] = (answer, document)
        for link in document.links:
            url = urljoin(answer.url, link).partition("#")[0]
            url += "&wait=1" if _WAITING.search(url) and "wait=" not in url else ""
            here = urlsplit(url).netloc == urlsplit(home).netloc
            if here and url not in seen and not _LEFT_OUT.search(url):
                seen.add(url)
                todo.append(url)
    return found

"""Checks of the built site: it works without a network, and no Markdown is left in its text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["problems"]

_ELSEWHERE: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_STYLE: Final = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
_LINKED: Final = {"a", "area"}  # followed by the reader only
_MARKDOWN: Final = re.compile(r"```|\$\$|^[ \t]*\|.*\|[ \t]*$|^:::|\]\([^)\n]*\)", re.MULTILINE)


class _Page(HTMLParser):
    """Collects what a browser requests for a page, and the text outside of code."""

    def __init__(self) -> None:
        super().__init__()
        self.requested: list[str] = []
        self.text: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._code += tag in {"pre", "code", "script", "style"}
        if tag == "link" and given.get("rel") in {"canonical", "next", "prev"}:
            return
        if tag not in _LINKED:
            self.requested += [given[key] or "" for key in ("src", "href", "data") if key in given]
            self.requested += [
                one.split()[0] for one in (given.get("srcset") or "").split(",") if one
            ]

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in {"pre", "code", "script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.text.append(data)


def problems(site: Path) -> Iterator[str]:
    """Yields what is wrong in the files of a site.

    Args:
        site: Its folder.
    """
    for file in sorted(site.rglob("*.html")):
        page = _Page()
        source = file.read_text("utf-8")
        page.feed(source)
        name = file.relative_to(site)
        elsewhere = [one for one in page.requested if _ELSEWHERE.match(one)]
        for address in [*elsewhere, *_STYLE.findall(source)]:
            yield f"{name} requests {address}: the site must work without a network"
        for found in _MARKDOWN.findall("".join(page.text)):
            yield f"{name} shows the Markdown {found.strip()!r}: see the blank lines around it"
    for file in sorted(site.rglob("*.css")):
        for address in _STYLE.findall(file.read_text("utf-8")):
            yield f"{file.relative_to(site)} requests {address}"

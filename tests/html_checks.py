"""Reads HTML as a strict browser would, for what no report may hold."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["Page", "page_of"]

_VOID = {"img", "meta", "br", "hr", "input", "link"}
_ADDRESSES = {"src", "href", "action", "srcset", "data", "poster", "formaction", "xlink:href"}


class Page(HTMLParser):
    """A page whose elements are all closed, in their order.

    Attributes:
        tags: The names of all elements.
        attributes: Of all elements: element, name and value.
        texts: The texts between elements.
        rows: Of all tables, the texts of the cells.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.texts.append(data)
            if {"td", "th"} & set(self._open):
                self.rows[-1][-1] += data

    def close(self) -> None:
        super().close()
        assert not self._open, self._open

    @property
    def text(self) -> str:
        """All texts, one after the other."""
        return "".join(self.texts)

    def check_harmless(self) -> None:
        """Checks that nothing can run, and that nothing outside of the page is asked for."""
        assert not {"script", "iframe", "object", "embed", "base", "link", "form"} & set(self.tags)
        for tag, name, value in self.attributes:
            assert not name.startswith("on"), (tag, name)
            assert name != "style", (tag, value)
            if name in _ADDRESSES:
                assert value.startswith(("data:image/png;base64,", "#")), (tag, name, value[:80])


def page_of(text: str) -> Page:
    """Returns a page that is well formed."""
    page = Page()
    page.feed(text)
    page.close()
    return page

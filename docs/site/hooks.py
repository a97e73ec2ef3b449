"""What MkDocs does for these pages beyond its plugins.

- The table of contents of the site is that of `README.md`, which is also the index on a forge.
- Links out of the documentation lead to the files of the repository, those to notebooks to pages.
- The API and the notebooks become pages; the built pages are checked.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

import api_pages
import built_pages
import notebook_pages

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks")
_NOTEBOOKS: Final = api_pages.ROOT / "notebooks"
_PART: Final = re.compile(r"\| \*\*([^*]+)\*\* \|")
_LINK: Final = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


@event_priority(100)  # before mkdocstrings looks at its paths
def on_config(config: MkDocsConfig) -> None:
    """Makes the table of contents, and tells mkdocstrings where the source is.

    Args:
        config: Of the site.
    """
    source = Path(tempfile.mkdtemp(prefix="tau3mu-source-"))
    atexit.register(shutil.rmtree, source, ignore_errors=True)
    api_pages.copy_source(source)
    config.plugins["mkdocstrings"].config.handlers["python"]["paths"] = [str(source)]
    config.nav = contents((Path(config.docs_dir) / "README.md").read_text("utf-8"))


def contents(index: str) -> list[Any]:
    """Returns the table of contents for MkDocs: the pages that each section of the index links.

    Args:
        index: The text of `README.md`.
    """
    nav: list[Any] = [{"Start": "README.md"}]
    for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        title, *rows = section.splitlines()
        pages: list[Any] = []
        part = pages
        for row in rows:
            if heading := _PART.match(row):
                part = []
                pages.append({heading[1]: part})
            part += [one for link in _LINK.finditer(row) if (one := _page_of(link[2]))]
        nav.append({title: pages})
    return [*nav, {"Python API": [f"reference/api/{module}.md" for module in api_pages.modules()]}]


def _page_of(target: str) -> str:
    """Returns the page on the site to which a link of the index leads; "" if there is none."""
    if target.endswith(".ipynb"):
        return f"notebooks/{Path(target).stem}.md"
    return target if target.endswith(".md") and ".." not in target else ""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the API and of the notebooks.

    Args:
        files: Of the site.
        config: Of the site.
    """
    for package, text in api_pages.pages().items():
        files.append(File.generated(config, f"reference/api/{package}.md", content=text))
    for notebook in sorted(_NOTEBOOKS.glob("*.ipynb")):
        for name, content in notebook_pages.pages(notebook).items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Returns the text of a page with links that lead somewhere on the site as well.

    Args:
        markdown: The text.
        page: Which page.
        config: Of the site.
    """
    docs = Path(config.docs_dir)
    folder = (docs / page.file.src_uri).parent
    written = _NOTEBOOKS if page.file.src_uri.startswith("notebooks/") else folder

    def lead(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(written / link[2]))
        if "://" in link[2] or not target.exists():
            return link[0]
        if target.is_relative_to(docs):
            uri = os.path.relpath(target, folder)
        elif target.parent == _NOTEBOOKS:
            uri = os.path.relpath(docs / "notebooks" / f"{target.stem}.md", folder)
        else:
            kind = "tree" if target.is_dir() else "blob"
            path = target.relative_to(api_pages.ROOT).as_posix()
            uri = f"{config.extra['repository']}/{kind}/main/{path}"
        return f"{link[1]}{uri}{link[3]}"

    return _LINK.sub(lead, markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Warns of what is wrong in the built pages, which ends a strict build.

    Args:
        config: Of the site.
    """
    for problem in built_pages.problems(Path(config.site_dir)):
        log.warning(problem)

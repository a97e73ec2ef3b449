"""Makes the pictures of the page that the documentation shows: `python docs/screenshots.py`.

A store with real trains is made in a temporary folder, served, and looked at in Chromium. It takes
a minute and needs `pip install '.[test,browser]'`. With a folder as its argument, the pictures
go there, all of them in light, in dark and as wide as a phone.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests" / "page"))

from making import make  # noqa: E402
from serving import Server, open_tab  # noqa: E402

from tau3mu.report import export_result  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOOKS = {
    "light": {"viewport": {"width": 1100, "height": 760}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1100, "height": 760}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
PAGES = {
    "analyses": "",
    "trains": "trains",
    "train": "trains/3",
    "result": "result?folder=trains/0003/results",
    "histogram": "histogram?folder=trains/0003/results&processor=dsphipi&name=mass",
    "candidates": "candidates?folder=trains/0003/results&processor=dsphipi",
    "compare": "compare?a=trains/0002/results&b=trains/0003/results",
    "tests": "tests/dsphipi",
    "test": "tests/dsphipi/1",
    "datasets": "datasets",
    "dataset": "datasets/2017B",
}
SHOWN = [
    ("analyses", "light"), ("train", "light"), ("result", "light"), ("histogram", "light"),
    ("compare", "light"), ("tests", "light"), ("datasets", "light"), ("histogram", "dark"),
    ("train", "phone"),
]  # fmt: skip
TALLEST = 1400
# Pictures further down are loaded as well, and train files are checked.
READY = """() => {
    for (const picture of document.images) picture.loading = "eager";
    return [...document.images].every(one => one.complete && one.naturalWidth)
        && !document.body.innerText.includes("is being checked");
}"""
COLORS = 128


def main(arguments: list[str]) -> None:
    """Makes the pictures.

    Args:
        arguments: The folder for all of them, or nothing for those of the documentation.
    """
    program = which("chromium") or which("chromium-browser")
    target = Path(arguments[0]) if arguments else DOCS / "images"
    target.mkdir(parents=True, exist_ok=True)
    shots = [(page, look) for page in PAGES for look in LOOKS] if arguments else SHOWN
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = make(Path(folder) / "tau3mu", strange=False, fit=True)
        server = Server(made.serve, made.folder)
        server.start()
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            for look in dict.fromkeys(look for _, look in shots):
                wanted = [page for page, its_look in shots if its_look == look]
                _shoot(browser, server, target, look, wanted)
            _shoot_report(browser, made.store.root / "trains" / "0003", target)
        finally:
            browser.close()
            server.stop()


def _shoot(browser: Browser, server: Server, target: Path, look: str, pages: list[str]) -> None:
    tab = open_tab(browser, server, **LOOKS[look])
    for page in pages:
        shown = tab.go(PAGES[page])
        shown.wait_for_function(READY, timeout=120_000)
        shown.wait_for_timeout(500)  # interactive plots are drawn
        _save(shown, target / f"page-{page}-{look}.png")
    tab.page.context.close()
    if tab.faults:
        sys.exit("\n".join(tab.faults))


def _shoot_report(browser: Browser, train: Path, target: Path) -> None:
    """Shows the file that `show --export` writes."""
    file = train.parent / "report.html"
    export_result(train, file)
    page = browser.new_page(viewport={"width": 1000, "height": 760})
    page.goto(file.as_uri())
    _save(page, target / "report.png")
    page.close()


def _save(page: Page, file: Path) -> None:
    """Saves a page in few colors, which is a quarter of its size."""
    picture = Image.open(BytesIO(page.screenshot(full_page=True)))
    picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
    few = picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    sys.stdout.write(f"{file}: {file.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])

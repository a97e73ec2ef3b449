"""Notebooks as pages: their text, their code, and the outputs that are stored in them."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["pages"]

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")  # colors of a terminal


def pages(notebook: Path) -> dict[str, str | bytes]:
    """Returns a notebook as Markdown and the pictures in it, by the names of their files.

    Args:
        notebook: The file.
    """
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
        elif cell["cell_type"] == "code" and text.strip():
            parts.append(f"```python\n{text}\n```")
            for output in cell["outputs"]:
                data = output.get("data", {})
                if "image/png" in data:
                    name = f"{notebook.stem}-{len(pictures) + 1}.png"
                    pictures[name] = base64.b64decode("".join(data["image/png"]))
                    parts.append(f"![Output of the cell above]({name})")
                else:
                    parts += _shown(output, data)
    return {f"{notebook.stem}.md": "\n\n".join(parts) + "\n", **pictures}


def _shown(output: dict[str, Any], data: dict[str, Any]) -> list[str]:
    """Returns an output that is no picture: HTML as it is, or what a terminal shows."""
    if "text/html" in data:
        html = "".join(data["text/html"])
        return ["<div>" + re.sub(r"\s*\n\s*", " ", html) + "</div>"]  # one block, whatever is in it
    text = "".join(data.get("text/plain", output.get("text", [])))
    return [f"```text\n{_ESCAPES.sub('', text).rstrip()}\n```"] if text.strip() else []

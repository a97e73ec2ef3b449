"""Sentences of typical mistakes, one golden file for each language of users' files.

`pytest --update-golden FILE` writes those that the tests of a file check.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.errors import Tau3muError

FOLDER = Path(__file__).parent / "golden"


class Sentences:
    """Compares errors with a golden file, or writes them into it."""

    def __init__(self, *, update: bool) -> None:
        self._update = update

    def check(self, language: str, case: str, error: Tau3muError, file: Path | str = "") -> None:
        """Fails if an error is not that of its case.

        Args:
            language: The name of the golden file.
            case: What is wrong.
            error: What was raised.
            file: The user's file, for which FILE stands in the golden file.
        """
        texts = {"path": error.path, "sentence": str(error)}
        shown = {key: text.replace(str(file), "FILE") for key, text in texts.items() if file}
        entry = {"case": case, "code": error.code, **texts, **shown}
        entries = self._read(language)
        if self._update:
            self._write(language, [*(entries | {case: entry}).values()])
        else:
            assert entry == entries.get(case)

    def check_cases(self, language: str, cases: Iterable[str]) -> None:
        """Fails if the golden file has other cases, which nobody checks."""
        cases, entries = list(cases), self._read(language)
        if self._update:
            self._write(language, [entries[case] for case in cases])
        else:
            assert list(entries) == cases

    def _read(self, language: str) -> dict[str, dict[str, str]]:
        text = (FOLDER / f"{language}.json").read_text("utf-8")
        return {entry["case"]: entry for entry in json.loads(text)}

    def _write(self, language: str, entries: list[dict[str, str]]) -> None:
        text = json.dumps(entries, indent=2, ensure_ascii=False)
        (FOLDER / f"{language}.json").write_text(f"{text}\n", "utf-8")

"""The JSON schemas of users' files and the reference pages are what the languages say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tau3mu.limits.schema import LANGUAGE as LIMITS
from tau3mu.train.schema import LANGUAGE as TRAIN

ROOT = Path(__file__).parents[1]

LANGUAGES = pytest.mark.parametrize(
    ("language", "meaning"),
    [(LIMITS, "Where fits start."), (TRAIN, "The wagons by name")],
    ids=["limits", "train"],
)


@LANGUAGES
def test_what_is_shipped_is_written_by_one_call(tmp_path, language, meaning):
    for place in (language.place, language.page):
        (tmp_path / place).parent.mkdir(parents=True)
    page = (ROOT / language.page).read_text("utf-8")
    assert meaning in page
    (tmp_path / language.page).write_text(page.replace(meaning, "Old"), "utf-8")
    language.write(tmp_path)
    for place in (language.place, language.page):
        assert (tmp_path / place).read_text("utf-8") == (ROOT / place).read_text("utf-8")


@LANGUAGES
def test_every_key_has_a_meaning(language, meaning):
    schema = language.schema()
    for name, part in {"file": schema, **schema["$defs"]}.items():
        assert part["description"], name
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"

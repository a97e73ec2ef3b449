"""The steps of a search, each of which is done once for all that it depends on."""

from __future__ import annotations

import json
import logging
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import read_document
from tau3mu.config.input_files import user_path
from tau3mu.discriminant.document import content_hash
from tau3mu.errors import InputError, suggest
from tau3mu.search import stages
from tau3mu.search.config import SearchConfig, load_config
from tau3mu.search.state import RECORD, STEPS, Search
from tau3mu.storage.files import json_text, make_folder, write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["CONFIG", "do", "search"]

log = logging.getLogger(__name__)

CONFIG: Final = "search.json"

_DONE_BY: Final[dict[str, tuple[Any, tuple[str, ...]]]] = {
    "datasets": (stages.check_datasets, ()),
    "control": (stages.run_control, ("datasets",)),
    "selection": (stages.run_selection, ("datasets",)),
    "training": (stages.train_discriminant, ("control", "selection")),
    "scores": (stages.run_scores, ("selection", "training")),
    "bins": (stages.choose_bins, ("control", "scores")),
    "model": (stages.build_model, ("control", "scores", "bins")),
    "limit": (stages.set_limit, ("model",)),
}
"""Each step with what does it, and the steps whose results it reads."""
assert tuple(_DONE_BY) == STEPS


def do(search: Search, step: str, tell: Callable[[str, str], None]) -> None:
    """Does a step, unless it is there already with the same key.

    Args:
        search: The search.
        step: Its name.
        tell: Is told the step, and what happens to it.

    Raises:
        InputError: Something that the step reads is wrong, or would change after unblinding.
        RunError: The step fails.
    """
    function, needed = _DONE_BY[step]
    from tau3mu import __version__

    depends = {
        "step": step,
        "version": __version__,
        "settings": stages.settings_of(search.config, step),
        "before": {name: search.keys[name] for name in needed},
    }
    if step == "datasets":
        depends["files"] = stages.fingerprints(search.config)
    key = content_hash(json.loads(json.dumps(depends)))
    search.keys[step] = key
    known = _known(search, step)
    if known is not None and known["key"] == key:
        search.facts[step] = known["facts"]
        tell(step, "as before")
        return
    if search.is_unblinded:
        message = (
            f"step {step} of {search.folder} would change, but its data have been unblinded: "
            "what was decided blind stays; use another folder for another search"
        )
        raise InputError(message, code="search.unblinded", path=step)
    tell(step, "begins")  # which may refuse: nothing is removed before
    folder = search.at(step)
    if known is not None or not _is_unfinished(search, step, key):
        shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    write_text(folder / "begun.json", json_text({"key": key}))
    begin = time.perf_counter()
    facts = json.loads(json_text(function(search, folder)))
    record = {"step": step, "key": key, "seconds": time.perf_counter() - begin,
              "depends": depends, "facts": facts}  # fmt: skip
    write_text(folder / RECORD, json_text(record))
    search.facts[step] = facts
    tell(step, "done")


def _known(search: Search, step: str) -> dict[str, Any] | None:
    path = search.at(step) / RECORD
    if not path.is_file():
        return None
    content = read_document(path, "record of a step", language="search").content
    return {"key": str(content.get("key")), "facts": dict(content.get("facts", {}))}


def _is_unfinished(search: Search, step: str, key: str) -> bool:
    """Returns whether the same step has begun before: a run then goes on where it stopped."""
    path = search.at(step) / "begun.json"
    return path.is_file() and path.read_text("utf-8") == json_text({"key": key})


def search(
    config: SearchConfig | str | Path,
    output: str | Path,
    *,
    until: str = "limit",
    resume: bool = False,
    tell: Callable[[str, str], None] = lambda *_: None,
    **options: Any,
) -> Search:
    """Does a search, blind, from ntuples to an expected limit.

    Args:
        config: The search, or its file.
        output: Where the results of all steps go.
        until: The last step, one of `STEPS`.
        resume: Whether the folder may have results already; those that nothing has changed for
            are kept.
        tell: Is told each step, and what happens to it.
        options: Of all runs, as of `tau3mu.run`: `executor`, `workers`, ...

    Raises:
        InputError: Something is wrong with the search, its inputs or the folder.
        RunError: A step fails.
    """
    if until not in STEPS:
        message = f"no step {until!r}{suggest(until, STEPS)}; the steps are {', '.join(STEPS)}"
        raise InputError(message, code="search.unknown-step", path="until")
    described = config if isinstance(config, SearchConfig) else load_config(config)
    folder = user_path(output).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not resume:
        message = f"{folder} is not empty: use --resume to go on, or choose another folder"
        raise InputError(message, code="search.folder-in-use", path=str(folder))
    make_folder(folder)
    one = Search(described, folder, options)
    if not one.is_unblinded:
        write_text(folder / CONFIG, json_text(described.model_dump(mode="json")))
    for step in STEPS:
        do(one, step, tell)
        if step == until:
            break
    return one

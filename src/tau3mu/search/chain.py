"""The steps of a search, each of which is done once for all that it depends on."""

from __future__ import annotations

import json
import logging
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.input_files import user_path
from tau3mu.discriminant.document import content_hash
from tau3mu.errors import InputError, suggest
from tau3mu.search import stages
from tau3mu.search.checks import check_settings
from tau3mu.search.config import SearchConfig, load_config
from tau3mu.search.depends import BEFORE, depends_of
from tau3mu.search.frozen import freeze
from tau3mu.search.records import known_of, reason, record_step
from tau3mu.search.state import RECORD, STEPS, Search
from tau3mu.storage.files import json_text, make_folder, write_text
from tau3mu.storage.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["CONFIG", "do", "search"]

log = logging.getLogger(__name__)

CONFIG: Final = "search.json"

_DONE_BY: Final = {
    "datasets": stages.check_datasets,
    "control": stages.run_control,
    "selection": stages.run_selection,
    "training": stages.train_discriminant,
    "scores": stages.run_scores,
    "bins": stages.choose_bins,
    "model": stages.build_model,
    "limit": stages.set_limit,
}
"""What does each step."""
assert tuple(_DONE_BY) == tuple(BEFORE) == STEPS


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
    depends = depends_of(search, step)
    key = content_hash(depends)
    search.keys[step] = key
    known = known_of(search, step)
    if known is not None and known["key"] == key:
        search.facts[step] = known["facts"]
        tell(step, "as before")
        return
    if search.is_unblinded:
        message = (
            f"step {step} of {search.folder} would change ({reason(known, depends)}), but its "
            "data have been unblinded: what was decided blind stays; use another folder for "
            "another search"
        )
        raise InputError(message, code="search.unblinded", path=step)
    tell(step, "begins")  # which may refuse: nothing is removed before
    folder = search.at(step)
    begun = json_text({"key": key, "folder": str(folder)})
    if (folder / RECORD).exists() or not _has(folder / "begun.json", begun):
        shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    write_text(folder / "begun.json", begun)
    begin = time.perf_counter()
    facts = json.loads(json_text(_DONE_BY[step](search, folder)))
    seconds = time.perf_counter() - begin
    record_step(search, step, {"key": key, "seconds": seconds, "depends": depends, "facts": facts})
    search.facts[step] = facts
    tell(step, "done")


def _has(path: Path, text: str) -> bool:
    """Returns whether the same step has begun here before: a run then goes on where it stopped."""
    return path.is_file() and path.read_bytes() == text.encode()


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
        InputError: Something is wrong with the search, its inputs or the folder, in which another
            search may be going on.
        RunError: A step fails.
    """
    if until not in STEPS:
        message = f"no step {until!r}{suggest(until, STEPS)}; the steps are {', '.join(STEPS)}"
        raise InputError(message, code="search.unknown-step", path="until")
    described = config if isinstance(config, SearchConfig) else load_config(config)
    check_settings(described)
    folder = user_path(output).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not resume:
        message = f"{folder} is not empty: use --resume to go on, or choose another folder"
        raise InputError(message, code="search.folder-in-use", path=str(folder))
    make_folder(folder)
    one = Search(described, folder, options)
    with locked(folder):
        if not one.is_unblinded:
            write_text(folder / CONFIG, json_text(described.model_dump(mode="json")))
        for step in STEPS:
            do(one, step, tell)
            if step == until:
                break
        if until == STEPS[-1] and not one.is_unblinded:
            freeze(one)
    return one

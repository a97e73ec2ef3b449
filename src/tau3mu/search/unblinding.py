"""The signal windows are opened: once, and for what was frozen before."""

from __future__ import annotations

import getpass
import platform
import shlex
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tau3mu.config.documents import read_document
from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError
from tau3mu.results.manifest import manifest_in
from tau3mu.search.chain import CONFIG, do
from tau3mu.search.config import SearchConfig
from tau3mu.search.depends import depends_of
from tau3mu.search.frozen import changes_since, frozen_hash
from tau3mu.search.records import known_of, reason
from tau3mu.search.runs import run_in
from tau3mu.search.state import DISCRIMINANT, MODEL, SCORED, STEPS, UNBLINDED, Search
from tau3mu.storage.files import json_text, make_folder, write_text
from tau3mu.storage.lock import locked

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.limits import LimitResult

__all__ = ["unblind"]


def unblind(folder: str | Path, hash: str, **options: Any) -> LimitResult:
    """Opens the signal windows of a search, and returns its observed and expected limits.

    The selection runs once more with what the steps of the search have frozen, and without being
    blind; nothing before it is done again.

    Args:
        folder: Of the search, all of whose steps are done.
        hash: That the search has said at its end.
        options: Of the run, as of `tau3mu.run`.

    Raises:
        InputError: Something has changed since the search was done, or the hash is another one.
        RunError: The run fails.
    """
    where = user_path(folder).absolute()
    path = where / CONFIG
    if not path.is_file():
        message = f"{where} is no folder of a search: it has no {CONFIG}"
        raise InputError(message, code="search.no-search", path=str(where))
    config = read_document(path, "search file", language="search").validate(SearchConfig)
    one = Search(config, where, options)
    with locked(where):
        for step in STEPS:
            _check_done(one, step)
        if hash != frozen_hash(one):
            raise _other_hash(one, hash)
        return _opened(one, hash)


def _other_hash(one: Search, hash: str) -> InputError:
    changes = changes_since(one, hash)
    if changes is None:
        what = "no search in this folder had that"
    else:
        what = f"since it had that, this has changed: {'; '.join(changes)}"
    again = shlex.join([str(one.folder / CONFIG), "--output", str(one.folder), "--resume"])
    message = (
        f"the hash of the search in {one.folder} is not {hash}; {what}. Look at what is frozen "
        f"there, with its hash, by python -m tau3mu.search {again}, and agree on it, before the "
        "windows are opened"
    )
    return InputError(message, code="search.other-hash", path="hash")


def _opened(one: Search, hash: str) -> LimitResult:
    from tau3mu.limits import limit
    from tau3mu.processors import TauTo3Mu

    config, opened = one.config, one.folder / "unblinded"
    if not one.is_unblinded:
        record = {"hash": hash, "by": _user(), "host": platform.node(),
                  "at": datetime.now(timezone.utc).isoformat(timespec="seconds")}  # fmt: skip
        write_text(one.folder / UNBLINDED, json_text(record))
    make_folder(opened)
    processor = TauTo3Mu(
        name=SCORED,
        **config.search.parameters,
        blind=False,
        discriminant_file=str(one.at("training") / DISCRIMINANT),
    )
    if not _is_complete(opened / "results"):
        run_in(one, config.search.datasets, processor, opened, no_fit=True)
    model = read_document(one.at("model") / MODEL, "model", language="limits")
    content = dict(model.content)
    content["channels"] = {
        name: {**channel, "data": {**channel["data"], "results": "results"}}
        for name, channel in content["channels"].items()
    }
    write_text(opened / MODEL, json_text(content))
    found = limit(opened / MODEL, cl=config.cl, observed=True)
    make_folder(opened / "limit")
    found.save(opened / "limit")
    return found


def _is_complete(results: Path) -> bool:
    """Returns whether the windows have been opened before: nothing that they show can change."""
    if not (results / "run.json").is_file():
        return False
    manifest = manifest_in(results)
    return manifest.complete and manifest.status == "finished"


def _check_done(search: Search, step: str) -> None:
    def refuse(name: str, what: str) -> None:
        if what == "begins":
            why = reason(known_of(search, name), depends_of(search, name))
            message = (
                f"step {name} of {search.folder} would be done again ({why}): finish the search "
                "with --resume, and agree on its hash, before its data are unblinded"
            )
            raise InputError(message, code="search.not-frozen", path=name)

    do(search, step, refuse)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry of this user, as in some containers
        return "unknown"

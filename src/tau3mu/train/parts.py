"""The parts that the result of a test depends on, each with a hash, and which have changed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tau3mu.run.frozen import FrozenRun

__all__ = ["changed_parts", "parts_of"]

_SETTINGS: Final = ("chunk_size", "candidates", "n_minus_one", "no_sharing", "per_run")
_OF_NEED: Final = {"name", "parameters", "needs"}
_OF_WAGON: Final = {*_OF_NEED, "skim"}
_CLASS: Final = "class"


def parts_of(frozen: FrozenRun, own: Collection[str]) -> dict[str, str]:
    """Returns hashes of a wagon, what it needs, the datasets, the code and the settings.

    Args:
        frozen: The configuration of the test.
        own: The names of the processors of the wagon; the others are needed.
    """
    prints = frozen.fingerprints
    mine = [one for one in frozen.processors if one.name in own]
    needed = [one for one in frozen.processors if one.name not in own]
    needs = {one.name: one.model_dump(mode="json", include=_OF_NEED) for one in needed}
    settings = {name: frozen.settings.get(name) for name in _SETTINGS}
    return {
        "wagon": _digest([one.model_dump(mode="json", include=_OF_WAGON) for one in mine]),
        **{f"need {name}": _digest(content) for name, content in needs.items()},
        **{f"dataset {name}": version for name, version in prints.datasets.items()},
        "code": _digest(
            [prints.package, prints.versions, [[one.path, one.sha256] for one in frozen.code]]
        ),
        _CLASS: _digest(prints.processors),
        "settings": _digest(settings),
    }


def changed_parts(
    before: Mapping[str, str], now: Mapping[str, str], *, unknown: Collection[str] = ()
) -> tuple[str, ...]:
    """Returns the names of the parts that differ.

    The hash of classes covers parameters and code too, so it is named only if these are the same.

    Args:
        before: The hashes of the last test.
        now: Those of this one.
        unknown: Parts of which only the names can be compared.
    """
    found = [
        name
        for name in {**now, **before}
        if before.get(name) != now.get(name)
        and not (name in unknown and name in before and name in now)
    ]
    others = [name for name in found if name != _CLASS]
    covers = any(name in {"wagon", "code"} or name.startswith("need ") for name in others)
    return tuple(others if covers else found)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

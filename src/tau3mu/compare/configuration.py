"""The differences of configurations, all values resolved, and of the code that ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tau3mu.compare.fits import fit_document
from tau3mu.run.settings import FAILURES, HOW, Settings, option_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tau3mu.compare.sides import Pair, Side

__all__ = ["Change", "changes", "compare_code", "compare_configurations"]

_HOW_ALONE: Final = frozenset({"chunk_size", "candidates", "verify_checksum", "proxy"})
_OF_PROCESSORS: Final = ("class", "columns", "needs", "parameters", "skim", "source")
_EMPTY: Final[tuple[Any, ...]] = (None, [], "")
"""Values of keys that may as well be missing, as those are that older versions do not write."""

_DIGITS: Final = 12


@dataclass(frozen=True)
class Change:
    """A key whose values differ; None on a side that does not have it.

    Attributes:
        key: Such as `dsphipi.parameters.track_pt`.
        a: The value on the one side.
        b: That on the other side.
        results: Whether results may depend on it; else it only says how the work was done.
    """

    key: str
    a: Any
    b: Any
    results: bool = True


def compare_configurations(a: Side, b: Side, pairs: list[Pair]) -> list[Change]:
    """Returns the keys of the resolved configurations that differ.

    Args:
        a: The one side.
        b: The other side.
        pairs: The processors.
    """
    found: list[Change] = []
    both = [(pair.name, pair.a, pair.b) for pair in pairs if pair.a and pair.b]
    left, right = _processors(a, b)
    compared = {name: (one.name, other.name) for name, one, other in both}
    for name, (one, other) in _with_needed(compared, left, right).items():
        found += changes(left[one], right[other], name)
    for name, *sides in both:
        models = [fit.get("configuration", {}) for side in sides if (fit := fit_document(side))]
        if len(models) == len(sides):  # else the setting `fits` says it
            found += changes(models[0], models[1], f"{name}.fit")
    given = _given(a, b)
    found += changes(_settings(a, given[0]), _settings(b, given[1]), "")
    return sorted(found, key=lambda change: not change.results)


def compare_code(a: Side, b: Side) -> list[Change]:
    """Returns what differs in the code: versions, commits, and hashes of the files of users.

    Args:
        a: The one side.
        b: The other side.
    """
    one, other = a.run.manifest, b.run.manifest
    found = [
        *changes(one.versions, other.versions, ""),
        *changes({"python": one.python}, {"python": other.python}, ""),
        *changes(one.git or {}, other.git or {}, "git"),
    ]
    if a.frozen and b.frozen:
        found += changes(_parts(a.frozen), _parts(b.frozen), "code")
    return found


def _parts(frozen: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Returns the beginnings of the hashes of the parts of this package and of users' files."""
    files = {one["path"].removeprefix("code/"): one["sha256"] for one in frozen.get("code", ())}
    package = frozen.get("fingerprints", {}).get("package", {})
    return {
        name: {part: str(value)[:_DIGITS] for part, value in hashes.items()}
        for name, hashes in (("package", package), ("files", files))
    }


def _processors(a: Side, b: Side) -> list[dict[str, dict[str, Any]]]:
    """Returns what is known of all processors, by side and name.

    That is what `run.json` has, and where both sides have it, what is only frozen.
    """
    frozen = bool(a.frozen and b.frozen)
    found = []
    for side in (a, b):
        more = {one["name"]: one for one in (side.frozen.get("processors", ()) if frozen else ())}
        found.append({
            name: {k: v for k, v in {**more.get(name, {}), **one}.items() if k in _OF_PROCESSORS}
            for name, one in side.run.configuration["processors"].items()
        })  # fmt: skip
    return found


def _with_needed(
    compared: dict[str, tuple[str, str]],
    a: Mapping[str, Mapping[str, Any]],
    b: Mapping[str, Mapping[str, Any]],
) -> dict[str, tuple[str, str]]:
    """Returns the processors that are compared, and those on whose results theirs depend."""
    found = dict(compared)
    waiting = list(compared.values())
    while waiting:
        one, other = waiting.pop()
        for name in set(a[one].get("needs", ())) & set(b[other].get("needs", ())):
            if name not in found and name in a and name in b:
                found[name] = name, name
                waiting.append(found[name])
    return found


def _given(a: Side, b: Side) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Returns the options of both sides, if they are recorded in the same way."""
    if a.frozen and b.frozen:
        return a.frozen.get("settings", {}), b.frozen.get("settings", {})
    one, other = a.run.manifest.options, b.run.manifest.options
    return (one, other) if one and other else ({}, {})


def _settings(side: Side, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how the run was done, without what stands elsewhere resolved."""
    configuration = side.run.configuration
    own = {key: value for key, value in configuration.items() if key != "processors"}
    return {name: value for name, value in options.items() if _only_how(name)} | own


def _only_how(key: str) -> bool:
    """Returns whether a setting says how the work was done, and cannot change the results."""
    if key in _HOW_ALONE:
        return True
    if key not in Settings.model_fields:
        return False
    option = option_of(key)
    return not option.results and option.group in {HOW, FAILURES}


def changes(a: Any, b: Any, prefix: str) -> Iterator[Change]:
    """Yields the keys of two documents whose values differ.

    Args:
        a: The one document.
        b: The other one.
        prefix: Stands before the keys.
    """
    left, right = dict(_flat(a, prefix)), dict(_flat(b, prefix))
    for key in dict.fromkeys([*left, *right]):
        one, other = left.get(key), right.get(key)
        if one != other and not (one in _EMPTY and other in _EMPTY):
            yield Change(key, one, other, results=not _only_how(key))


def _flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(item, f"{key}.{name}" if key else str(name))
    elif key:
        yield key, value

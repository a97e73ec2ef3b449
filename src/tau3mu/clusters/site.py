"""Site files: which clusters there are where an analysis runs.

A site file is TOML or JSON with one part per cluster, `clusters.NAME`, and, if the clusters share
certificates, a part `tls`:

    [clusters.batch]
    kind = "slurm"
    maximum = 50
    memory = "2 GB"

It is the file of `--site`, else that of `$TAU3MU_SITE`, else `~/.config/tau3mu/site.toml`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tau3mu.clusters.kinds import KINDS, Cluster, Tls
from tau3mu.config.input_files import parse_json, parse_toml, read_text, user_path
from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

__all__ = ["Site", "load_site"]

_VARIABLE = "TAU3MU_SITE"
_PARTS = ("clusters", "tls")
_DEFAULT = Path("~/.config/tau3mu/site.toml")
_EXPECTED = {
    "dict_type": "a table of keys and values",
    "list_type": "a list",
    "greater_than_equal": "a number of at least 1",
    "int_type": "a whole number",
    "string_too_short": "a text that is not empty",
    "string_type": "a text",
    "string_pattern_mismatch": "the name of an environment variable",
}


@dataclass(frozen=True)
class Site:
    """What a site file says; without one there are only the defaults of each kind."""

    source: str = "no site file"
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    tls: Tls | None = None

    def cluster(self, name: str) -> Cluster:
        """Returns the cluster of a name, or the only one of a kind.

        A kind of which the site file has none is taken with its defaults, where that is enough.

        Raises:
            InputError: There is no such cluster, or more than one of the kind.
        """
        if name in self.clusters:
            return self.clusters[name]
        if name not in KINDS:
            known = [*self.clusters, *KINDS]
            message = (
                f"unknown cluster {name!r}{suggest(name, known)}; {self.source} has: "
                f"{', '.join(self.clusters) or 'none'}; kinds: {', '.join(KINDS)}"
            )
            raise InputError(message)
        same = [key for key, cluster in self.clusters.items() if cluster.kind == name]
        if len(same) > 1:
            message = (
                f"{self.source} has several clusters of kind {name!r}; choose one by its name: "
                f"{', '.join(same)}"
            )
            raise InputError(message)
        if same:
            return self.clusters[same[0]]
        try:
            return KINDS[name].model_validate({})
        except ValidationError as error:
            missing = ", ".join(str(problem["loc"][0]) for problem in error.errors())
            message = (
                f"a cluster of kind {name!r} needs {missing}: describe it in a site file under "
                f"[clusters.{name}] ({self.source}; see --site)"
            )
            raise InputError(message) from error


def load_site(file: Path | None = None) -> Site:
    """Returns what a site file says.

    Args:
        file: A TOML or JSON file; None takes that of `$TAU3MU_SITE` or the default place, if there
            is one.

    Raises:
        InputError: It cannot be read or does not say what a site file must; the message names
            file and keys.
    """
    path = file or _found()
    if path is None:
        return Site()
    content = _read(user_path(path))
    problems = [
        f"unknown key {key!r}{suggest(key, _PARTS)}; known: {', '.join(_PARTS)}"
        for key in content
        if key not in _PARTS
    ]
    tls = _part(Tls, content["tls"], "tls", problems) if "tls" in content else None
    parts = content.get("clusters", {})
    if not isinstance(parts, dict):
        problems.append("clusters: expected a table for each cluster, such as [clusters.batch]")
        parts = {}
    clusters = {name: _cluster(part, f"clusters.{name}", problems) for name, part in parts.items()}
    if problems:
        several = [f"site file {path}: {problem}" for problem in sorted(problems)]
        raise InputError("\n".join(several))
    return Site(str(path), {name: c for name, c in clusters.items() if c is not None}, tls)


def _found() -> Path | None:
    if os.environ.get(_VARIABLE):
        return Path(os.environ[_VARIABLE])
    default = user_path(_DEFAULT)
    return default if default.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    text = read_text(path, "site file")
    try:
        content = parse_json(text) if path.suffix == ".json" else parse_toml(text)
    except InputError as error:
        message = f"site file {path} {error}"
        raise InputError(message) from error
    if not isinstance(content, dict):
        message = f"site file {path}: expected an object with 'clusters'"
        raise InputError(message)
    return content


def _cluster(given: Any, where: str, problems: list[str]) -> Cluster | None:
    if not isinstance(given, dict):
        problems.append(f"{where}: expected a table of keys and values")
        return None
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        said = f"unknown kind {kind!r}{suggest(str(kind), KINDS)}" if kind else "'kind' is missing"
        problems.append(f"{where}: {said}; known: {', '.join(KINDS)}")
        return None
    found: Cluster | None = _part(KINDS[kind], given, where, problems)
    return found


def _part(model: type[BaseModel], given: Any, where: str, problems: list[str]) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems.extend(_explain(model, problem, where) for problem in error.errors())
        return None


def _explain(model: type[BaseModel], problem: Any, where: str) -> str:
    place = [str(part) for part in problem["loc"] if part != "[key]"]
    key = ".".join([where, *place])
    kind = problem["type"]
    if kind == "missing":
        return f"{key} is missing"
    if kind == "extra_forbidden":
        known = list((Tls if place[:-1] == ["tls"] else model).model_fields)
        return f"unknown key {key}{suggest(place[-1], known)}; known: {', '.join(known)}"
    if kind == "site":
        return f"{key}: {problem['msg']}"
    expected = _EXPECTED.get(kind, problem["msg"].removeprefix("Input should be "))
    return f"{key}: got {json.dumps(problem['input'], default=str)}, expected {expected}"

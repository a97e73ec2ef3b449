"""Where files lie: paths, URLs, prefixes and `file.root:tree`, text in and text out."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from tau3mu.config.input_files import user_path, without_file_scheme
from tau3mu.errors import InputError
from tau3mu.storage.remote import is_xrootd

__all__ = ["expand", "is_url", "locate", "place_of", "split_tree"]

_URL = re.compile(
    r"(?P<host>(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://[^/]*)(?P<slashes>/*)(?P<rest>.*)"
)
_PORTS = {"root": ":1094", "http": ":80", "https": ":443"}
# A tree name begins with a letter, so that the port in root://site.root:1094//x is not one.
_WITH_TREE = re.compile(r"(?P<file>.+\.root):(?P<tree>/?[A-Za-z_][^:]*)")


def is_url(path: str) -> bool:
    """Returns whether a path is a URL such as `root://host//store/x.root`.

    Args:
        path: A path or a URL.
    """
    return _URL.match(path) is not None


def locate(path: str, *, folder: Path, prefix: str | None) -> str:
    """Returns where a file of a dataset file lies: a URL or an absolute local path.

    URLs and absolute paths stay what they are. A relative path lies under the prefix, or without
    one under the folder of the dataset file.

    Args:
        path: As the dataset file has it.
        folder: The folder of the dataset file.
        prefix: A folder or a URL, None without one.
    """
    path = without_file_scheme(path)
    if is_url(path):
        return path
    local = user_path(path)
    prefix = str(folder) if prefix is None else without_file_scheme(prefix)
    if (url := _URL.match(prefix)) and not local.is_absolute():
        return _join(url, path)
    return str(user_path(prefix).absolute() / local)


def split_tree(text: str) -> tuple[str, str | None]:
    """Returns the file and the tree of `file.root:tree`.

    Args:
        text: A path or URL; without `:tree` at its end, the tree is None.
    """
    if found := _WITH_TREE.fullmatch(text):
        return found["file"], found["tree"].strip("/")
    return text, None


def expand(pattern: str) -> list[str]:
    """Returns the files that a path, a URL or a local pattern stands for.

    The matches of a pattern are in natural order: `x_2.root` comes before `x_10.root`.

    Args:
        pattern: A path, a URL or a glob pattern; `**` stands for any folders.

    Raises:
        InputError: Nothing matches, or a URL holds a wildcard.
    """
    if is_url(pattern := without_file_scheme(pattern)):
        if "*" in pattern:
            message = f"{pattern}: wildcards work for local files only; list the URLs one by one"
            raise InputError(message, code="storage.wildcard-in-url", path=pattern)
        return [pattern]
    path = user_path(pattern)
    if path.is_dir():
        message = f"{pattern} is a folder, expected files: write {pattern.rstrip('/')}/*.root"
        raise InputError(message, code="storage.is-a-folder", path=pattern)
    if path.exists() or not glob.has_magic(str(path)):
        # A file that is missing is reported with all others, by the check of the files.
        return [str(path.absolute())]
    # Path.glob takes no absolute patterns.
    found = glob.glob(str(path), recursive=True)  # noqa: PTH207
    if not found:
        message = f"no file matches {pattern!r} in {Path.cwd()}"
        raise InputError(message, code="storage.no-match", path=pattern)
    return [str(Path(name).absolute()) for name in sorted(found, key=_natural)]


def place_of(path: str) -> str:
    """Returns one text for all spellings of a path or URL.

    Repeated slashes, dots, the case of the host and the default port make no difference. Links and
    copies are other places.

    Args:
        path: A path or a URL.
    """
    url = _URL.match(path)
    if url is None:
        return os.path.normpath(path)
    scheme = url["scheme"].lower()
    host = url["host"].partition("://")[2].lower().removesuffix(_PORTS.get(scheme, ":"))
    parts = [part for part in url["rest"].split("/") if part not in {"", "."}]
    return f"{scheme}://{host}/{'/'.join(parts)}"


def _join(url: re.Match[str], path: str) -> str:
    # XRootD takes root://host//x as the absolute path /x; other protocols know one slash.
    absolute = "//" if is_xrootd(url["host"]) else "/"
    parts = [part for part in f"{url['rest']}/{path}".split("/") if part not in {"", "."}]
    return url["host"] + (url["slashes"][:2] or absolute) + "/".join(parts)


def _natural(text: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", text)]

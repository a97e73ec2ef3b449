"""Copies the code of users, and the small files that it names, into the folder of a run.

What lies beside a module, or below its folder, lies in the same place beside its copy. So text
constants that are relative to the module name the copies there; those that are relative to the
working directory name them from the copy of that directory. Absolute ones are replaced when the
code runs again. Files that are large, or hold a key or a token, are not copied: a link leads to
them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import Strict
from tau3mu.config.input_files import user_path, working_directory
from tau3mu.processing.described import existing_file
from tau3mu.processing.fingerprint import text_constants
from tau3mu.processing.user_code import PREFIX, plain_name
from tau3mu.processing.user_files import moved_files, source_of
from tau3mu.redaction import redact
from tau3mu.run.imported import needed_modules
from tau3mu.storage.files import disk_error
from tau3mu.storage.names import CODE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from types import ModuleType

    from tau3mu.fit import FitModel
    from tau3mu.processing import Processor

__all__ = ["CodeCopy", "CopiedFile", "hash_of", "moved_texts"]

log = logging.getLogger(__name__)

_LARGEST: Final = 10_000_000
_LARGEST_HASHED: Final = 100_000_000
_LARGEST_SECRET: Final = 100_000
_UP: Final = "up"
"""The name of a folder above the code, of which only files that the code names are copied."""


class CopiedFile(Strict):
    """A file under `code/`.

    Attributes:
        path: In the folder of the run.
        original: Where it was.
        sha256: A hash of its content.
        linked: Why it is a link to the original instead of a copy; empty for a copy.
    """

    path: str
    original: str
    sha256: str
    linked: str = ""


class _Tree:
    """Files in their places below a root, or above it.

    Attributes:
        files: Their origin and content (None: that of the origin) by path from the root.
    """

    def __init__(self) -> None:
        self.name = ""
        self.files: dict[str, tuple[Path, bytes | None]] = {}

    def add(self, path: str, origin: Path, content: bytes | None = None) -> None:
        path = os.path.normpath(path)
        if path not in self.files:
            self.files[path] = origin, content

    @property
    def root(self) -> str:
        """Where paths start, in the folder of the run."""
        above = max((PurePosixPath(path).parts.count("..") for path in self.files), default=0)
        return "/".join((CODE, self.name, *[_UP] * above))

    def placed(self, path: str) -> str:
        """Returns where a file is, in the folder of the run."""
        return os.path.normpath(f"{self.root}/{path}")


class CodeCopy:
    """What of users' code and files is copied, and where it is going to be.

    Attributes:
        moved: Where the copies are of files that texts name by absolute paths, by these texts.
    """

    def __init__(self, inputs: Collection[str] = ()) -> None:
        """Starts with nothing.

        Args:
            inputs: Paths of files that are not copied, although a text may name them.
        """
        self._here = working_directory()
        self._not = frozenset(inputs)
        self._trees: list[_Tree] = []
        self._directory = _Tree()
        self._directory.name = "here"
        self._modules: dict[str, tuple[_Tree, str]] = {}  # by names of modules
        self.moved: dict[str, str] = {}
        self._moved: dict[str, Path] = {}

    @property
    def directory(self) -> str | None:
        """What stands for the working directory, None if no file is named from there."""
        return self._directory.root if self._directory.files else None

    def add_processors(self, processors: Sequence[Processor]) -> None:
        """Adds the users' modules of processors, with what these import, and the files they name.

        Args:
            processors: All processors of a run.
        """
        groups: dict[str, list[tuple[str, ModuleType]]] = {}
        for name, module in sorted(needed_modules(processors).items()):
            package = name.partition(".")[0] if name.startswith(PREFIX) else ""
            groups.setdefault(package, []).append((name, module))
        for group in groups.values():
            tree = _Tree()
            places = {name: self._add_module(tree, name, module) for name, module in group}
            tree = self._known(tree)
            self._modules |= {name: (tree, path) for name, path in places.items()}

    def place_of(self, module: str) -> tuple[str, str] | None:
        """Returns the file of a module's copy and the root of its imports, None without a copy.

        Args:
            module: Its name in `sys.modules`.
        """
        if module not in self._modules:
            return None
        tree, path = self._modules[module]
        return tree.placed(path), tree.root

    def add_values(self, value: Any) -> None:
        """Adds the files that texts within JSON values name.

        Args:
            value: Such as the parameters of a processor.
        """
        for text in _texts(value):
            self._add_text(text, self._here)

    def add_fit(self, model: FitModel) -> str | None:
        """Adds the users' pdfs of a fit and the files that it names.

        Args:
            model: The fit.

        Returns:
            What stands for the folder of the fit file, None if nothing had to be copied.
        """
        tree = _Tree()
        for module in _pdf_modules(model):
            self._add_module(tree, module.__name__, module)
        for text in _named_files(model.to_dict()):
            path = user_path(text)
            file = existing_file(text, model.folder)
            if path.is_absolute():
                self._add_text(text, self._here)
            elif file is not None:
                tree.add(text, file)
            elif (model.folder / path).is_dir():  # a results folder
                tree.add(text, (model.folder / path).resolve())
        return self._known(tree).root if tree.files else None

    def write(self, folder: Path) -> list[CopiedFile]:
        """Writes all files below `code/` of a folder, in place of what is there.

        Args:
            folder: Of a run.

        Raises:
            RunError: A file cannot be written.
        """
        target = folder / CODE
        if not (self._trees or self._directory.files or self.moved):
            shutil.rmtree(target, ignore_errors=True)  # of the run that is resumed
            return []
        try:
            aside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
            try:
                copied = [self._write(aside, *one) for one in sorted(self._all(), key=_path)]
                if target.is_dir():
                    shutil.rmtree(target)
                (aside / CODE).replace(target)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
        except OSError as error:
            raise disk_error(target, error) from error
        return copied

    def _all(self) -> Iterable[tuple[str, Path, bytes | None]]:
        for tree in (*self._trees, self._directory):
            for path, (origin, content) in tree.files.items():
                yield tree.placed(path), origin, content
        for text, path in self.moved.items():
            yield path, self._moved[text], None

    def _write(self, aside: Path, path: str, origin: Path, content: bytes | None) -> CopiedFile:
        file = aside / path
        file.parent.mkdir(parents=True, exist_ok=True)
        reason = _why_linked(origin) if content is None else ""
        if reason:
            file.symlink_to(origin)
        elif content is None:
            shutil.copyfile(origin, file)
        else:
            file.write_bytes(content)
        return CopiedFile(
            path=path, original=redact(str(origin)), sha256=hash_of(file), linked=reason
        )

    def _known(self, tree: _Tree) -> _Tree:
        """Returns a tree of the same files if there is one, else this one, with a name."""
        for other in self._trees:
            if other.files == tree.files:
                return other
        if tree.files:
            tree.name = str(len(self._trees))
            self._trees.append(tree)
        return tree

    def _add_module(self, tree: _Tree, name: str, module: ModuleType) -> str:
        """Adds a module and the files that its constants name; returns its path in the tree."""
        name = plain_name(name) if name.startswith(PREFIX) else name
        suffix = "/__init__.py" if hasattr(module, "__path__") else ".py"
        place = name.replace(".", "/") + suffix
        file, source = Path(str(module.__file__)), source_of(module)
        tree.add(place, file, source)
        moved = moved_files(module)
        for text in sorted(text_constants(source)):
            if text in moved:
                self._add_moved(text, Path(moved[text]))
                continue
            self._add_text(text, self._here)
            for folder in (file.parent, file.resolve().parent):
                found = existing_file(text, folder)
                wanted = self._not.isdisjoint((str(found), str(folder / text)))
                if found is not None and wanted and not user_path(text).is_absolute():
                    tree.add(f"{os.path.dirname(place)}/{text}".lstrip("/"), found)  # noqa: PTH120
        return place

    def _add_text(self, text: str, folder: Path) -> None:
        file = existing_file(text, folder)
        if file is None or not self._not.isdisjoint((str(file), str(folder / text))):
            return
        if user_path(text).is_absolute():
            self._add_moved(text, file)
        else:
            self._directory.add(text, file)

    def _add_moved(self, text: str, file: Path) -> None:
        if text not in self.moved:
            self.moved[text] = f"{CODE}/files/{len(self.moved)}/{file.name}"
            self._moved[text] = file


def _path(item: tuple[str, Path, bytes | None]) -> str:
    return item[0]


def hash_of(file: Path) -> str:
    """Returns the SHA-256 hash of a file, empty of a folder or where there is none.

    Of a file beyond 100 MB it is the size, since to read it takes long.
    """
    if not file.is_file():
        return ""
    if (size := file.stat().st_size) > _LARGEST_HASHED:
        return f"size:{size}"
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _why_linked(file: Path) -> str:
    if file.is_dir():
        return "it is a folder"
    size = file.stat().st_size
    if size > _LARGEST:
        return "it is larger than 10 MB"
    if size <= _LARGEST_SECRET:
        content = file.read_bytes().decode(errors="ignore")
        if "PRIVATE KEY" in content or redact(content) != content:
            return "it holds a key, a password or a token"
    return ""


def _texts(value: Any) -> set[str]:
    """Returns all texts within JSON values that are not keys."""
    if isinstance(value, str):
        return {value}
    items = value.values() if isinstance(value, dict) else value
    nested = isinstance(value, dict | list | tuple)
    return {text for item in items for text in _texts(item)} if nested else set()


def _named_files(value: Any) -> set[str]:
    """Returns the files that a fit names: texts under the key `file`, without URLs."""
    if isinstance(value, list | tuple):
        return {text for item in value for text in _named_files(item)}
    if not isinstance(value, dict):
        return set()
    own = {text for text in [value.get("file")] if isinstance(text, str) and "://" not in text}
    return own.union(*map(_named_files, value.values()))


def _pdf_modules(model: FitModel) -> list[ModuleType]:
    """Returns the modules of a fit's users' pdfs, with what these import."""
    shapes = [
        shape
        for part in model.parts.values()
        for component in part.components.values()
        for _, shape in component.shapes()
    ]
    functions = [
        getattr(shape.definition.formula, "function", None) for shape in shapes if shape.definition
    ]
    names = {str(getattr(function, "__module__", "")) for function in functions}
    packages = {name.partition(".")[0] for name in names if name.startswith(PREFIX)}
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0] in packages and getattr(module, "__file__", None)
    ]


def moved_texts(value: Any, moved: Mapping[str, str]) -> Any:
    """Returns JSON values in which texts that name files name their copies."""
    if isinstance(value, str):
        return moved.get(value, value)
    if isinstance(value, dict):
        return {key: moved_texts(item, moved) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [moved_texts(item, moved) for item in value]
    return value

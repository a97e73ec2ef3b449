"""Copies the code of users, and the small files that it names, into the folder of a run.

What lies beside a module, or below its folder, lies in the same place beside its copy. So text
constants that are relative to the module name the copies there; those that are relative to the
working directory name them from the copy of that directory. Absolute ones are replaced when the
code runs again. Files that are large, or hold a key or a token, are not copied: a link leads to
them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import user_path, working_directory
from tau3mu.processing.described import existing_file
from tau3mu.processing.fingerprint import text_constants
from tau3mu.processing.user_code import PREFIX, plain_name
from tau3mu.processing.user_files import moved_files, source_of
from tau3mu.redaction import redact
from tau3mu.run.copied_files import CopiedFile, Tree, content_of, hash_of
from tau3mu.run.imported import needed_modules
from tau3mu.run.named_files import named_files, pdf_modules, texts_in
from tau3mu.storage.files import disk_error
from tau3mu.storage.names import CODE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from types import ModuleType

    from tau3mu.fit import FitModel
    from tau3mu.processing import Processor

__all__ = ["CodeCopy"]


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
        self._trees: list[Tree] = []
        self._directory = Tree("here")
        self._modules: dict[str, tuple[Tree, str]] = {}  # by names of modules
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
            tree = Tree()
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
        for text in texts_in(value):
            self._add_text(text, self._here)

    def add_fit(self, model: FitModel) -> str | None:
        """Adds the users' pdfs of a fit and the files that it names.

        Args:
            model: The fit.

        Returns:
            What stands for the folder of the fit file, None if nothing had to be copied.
        """
        tree = Tree()
        for module in pdf_modules(model):
            self._add_module(tree, module.__name__, module)
        for text in named_files(model.to_dict()):
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
        text, reason = content_of(origin) if content is None else (content, "")
        if reason:
            file.symlink_to(origin)
        else:
            file.write_bytes(text)
        return CopiedFile(
            path=path, original=redact(str(origin)), sha256=hash_of(file), linked=reason
        )

    def _known(self, tree: Tree) -> Tree:
        """Returns a tree of the same files if there is one, else this one, with a name."""
        for other in self._trees:
            if other.files == tree.files:
                return other
        if tree.files:
            tree.name = str(len(self._trees))
            self._trees.append(tree)
        return tree

    def _add_module(self, tree: Tree, name: str, module: ModuleType) -> str:
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

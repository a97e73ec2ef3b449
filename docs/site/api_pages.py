"""Pages of the Python API: which names are public, and where they are defined.

The source is read, not imported: the site is built without the package's dependencies.
"""

from __future__ import annotations

import ast
import shutil
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "copy_source", "defined_in", "modules", "pages", "public_names"]

ROOT: Final = Path(__file__).parents[2]
_CALLED: Final = {
    "tau3mu.datasets": "tau3mu.datasets.finding.datasets",
    "tau3mu.events": "tau3mu.datasets.looking.events",
    "tau3mu.fit": "tau3mu.fit.fitting.fit.fit",
    "tau3mu.open": "tau3mu.run.stored.open_run",
    "tau3mu.run": "tau3mu.run.front.run",
}
"""Functions that `tau3mu` makes of its packages, or gives another name."""
_NOTES: Final = {
    "tau3mu.__version__": "The version of the package, a string.",
    "tau3mu.errors": "The [module of all errors](tau3mu.errors.md).",
}


@cache
def modules() -> dict[str, Path]:
    """Returns the file of each package that has public names, and of the module of errors."""
    source = ROOT / "src"
    files = sorted((source / "tau3mu").rglob("__init__.py"))
    found = {".".join(file.parent.relative_to(source).parts): file for file in files}
    found["tau3mu.errors"] = source / "tau3mu" / "errors.py"
    found["tau3mu.processors"] = ROOT / "processors" / "__init__.py"
    return {module: file for module, file in sorted(found.items()) if _names(file)}


def public_names() -> dict[str, list[str]]:
    """Returns the public names of each package, in their order."""
    return {module: _names(file) for module, file in modules().items()}


def defined_in(package: str, name: str) -> str:
    """Returns the full name of what a public name stands for, where it is defined.

    Args:
        package: Which of the packages.
        name: One of its public names.
    """
    full = f"{package}.{name}"
    if full in _CALLED:
        return _CALLED[full]
    packages = modules()
    while package in packages:
        found = _imports(package, packages[package]).get(name, full)
        if found == full:  # a module, or defined in the package itself
            break
        full = found
        package, _, name = full.rpartition(".")
    return full


def pages() -> dict[str, str]:
    """Returns the page of each package, as mkdocstrings reads it.

    What is public in several packages is described once: in `tau3mu`, or in the first of them.
    """
    described: dict[str, str] = {}
    made = {}
    for package, names in public_names().items():
        parts = [f"# {package}", _directive(package, members="false", show_root_heading="false")]
        for name in names:
            full = defined_in(package, name)
            if full in _NOTES:
                parts.append(f"## {name}\n\n{_NOTES[full]}")
            elif full in described:
                there = described[full]
                parts.append(f"## {name}\n\nThe same as [{there}.{name}]({there}.md#{full}).")
            else:
                described[full] = package
                parts.append(_directive(full, heading=f'"{name}"', toc_label=f'"{name}"'))
        made[package] = "\n\n".join(parts) + "\n"
    return made


def copy_source(folder: Path) -> None:
    """Copies the packages into one folder, as they are installed, for who only reads files.

    Args:
        folder: A new folder.
    """
    no_code = shutil.ignore_patterns("__pycache__", "*.json", "*.tsv", "static", "templates")
    shutil.copytree(ROOT / "src" / "tau3mu", folder / "tau3mu", ignore=no_code)
    shutil.copytree(ROOT / "processors", folder / "tau3mu" / "processors", ignore=no_code)
    (folder / "tau3mu" / "__init__.pyi").unlink()  # whose functions hide the packages `run`, `fit`


def _directive(name: str, **options: str) -> str:
    lines = [f"::: {name}", "    options:"]
    return "\n".join([*lines, *(f"      {key}: {value}" for key, value in options.items())])


def _names(file: Path) -> list[str]:
    """Returns the names in `__all__` of a module; those of its stub, if lazy_loader reads it."""
    for statement in _tree(file).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements)):
                return [str(ast.literal_eval(one)) for one in elements]
            case ast.Assign(targets=[ast.Tuple(elts=[*_, ast.Name(id="__all__")])]):
                return sorted(_imports("", file))
    return []


def _imports(module: str, file: Path) -> dict[str, str]:
    """Returns what each name stands for that a module, or its stub, imports."""
    stub = file.with_suffix(".pyi")
    found: dict[str, str] = {}
    for statement in _tree(stub if stub.exists() else file).body:
        if isinstance(statement, ast.ImportFrom):
            parts = [module] if statement.level else []
            origin = ".".join([*parts, *([statement.module] if statement.module else [])])
            found |= {one.asname or one.name: f"{origin}.{one.name}" for one in statement.names}
    return found


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"), file)

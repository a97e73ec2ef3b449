"""Tells the code that selects events from the code that only fills histograms.

The record of a chunk does not depend on `fill` and `histograms` of a processor. So these may be
fixed after hours of work without running the chunks again.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

__all__ = ["without_filling"]

_FILLING = ("fill", "histograms")


def without_filling(sources: Sequence[bytes], classes: Collection[str]) -> list[bytes]:
    """Returns programs without the methods that fill histograms.

    They stay if anything else uses their names, or if they set attributes or global names.

    Args:
        sources: The files of the processors and what they import.
        classes: The names of the processors and their bases.
    """
    trees = [ast.parse(source) for source in sources]
    methods = [_methods(tree, classes) for tree in trees]
    inside = {id(node) for found in methods for method in found for node in ast.walk(method)}
    elsewhere = (node for tree in trees for node in ast.walk(tree) if id(node) not in inside)
    if any(_uses(node) for node in elsewhere):
        return list(sources)
    return [_cut(source, found) for source, found in zip(sources, methods, strict=True)]


def _methods(tree: ast.Module, classes: Collection[str]) -> list[ast.FunctionDef]:
    return [
        item
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in classes
        for item in node.body
        if isinstance(item, ast.FunctionDef) and item.name in _FILLING and not _sets_state(item)
    ]


def _uses(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr in _FILLING) or (
        isinstance(node, ast.Constant) and node.value in _FILLING
    )


def _sets_state(method: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Global | ast.Nonlocal)
        or (isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load))
        for node in ast.walk(method)
    )


def _cut(source: bytes, methods: Sequence[ast.FunctionDef]) -> bytes:
    gone = {number for method in methods for number in _lines(method)}
    lines = source.splitlines(keepends=True)
    return b"".join(line for number, line in enumerate(lines, 1) if number not in gone)


def _lines(method: ast.FunctionDef) -> Iterator[int]:
    first = min([method.lineno, *(decorator.lineno for decorator in method.decorator_list)])
    yield from range(first, (method.end_lineno or method.lineno) + 1)

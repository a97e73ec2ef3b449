"""Codes of errors: every error that is meant for users has one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import tau3mu
import tau3mu.processors

FOLDERS = [Path(package.__file__).parent for package in (tau3mu, tau3mu.processors)]
CODE = re.compile(r"[a-z_]+\.[a-z0-9]+(-[a-z0-9]+)*")
# Their constructors have a code of their own, or take that of what they report.
WITH_THEIR_OWN = {"ProcessorError", "ReadError", "TaskError"}
# The importer of dq_fitter's files puts its own name before these.
COMPLETED_LATER = {"wrong-name", "wrong-order", "wrong-expression"}


def _name(node):
    return getattr(node, "id", getattr(node, "attr", None))


def _errors(trees):
    """Returns the names of all classes of errors of the package."""
    found = {"Tau3muError"}
    while True:
        more = found | {
            node.name
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and any(_name(base) in found for base in node.bases)
        }
        if more == found:
            return found
        found = more


def test_every_error_has_a_code():
    trees = {file: ast.parse(file.read_text()) for root in FOLDERS for file in root.rglob("*.py")}
    assert len(trees) > 200
    errors = _errors(trees.values())
    problems, codes = [], set()
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or _name(node.func) not in errors:
                continue
            place = f"{file.name}:{node.lineno}"
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if "code" not in given:
                if _name(node.func) not in WITH_THEIR_OWN:
                    problems.append(place)
            elif isinstance(given["code"], ast.Constant):
                code = str(given["code"].value)
                codes.add(code)
                if not CODE.fullmatch(code) and code not in COMPLETED_LATER:
                    problems.append(f"{place}: {code}")
    assert problems == []
    assert len(codes) > 200

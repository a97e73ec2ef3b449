"""Mistakes in models that are valid: what a colleague would ask about."""

from __future__ import annotations

from tau3mu.limits.linting.checking import lint
from tau3mu.limits.linting.warning import LintWarning

__all__ = ["LintWarning", "lint"]

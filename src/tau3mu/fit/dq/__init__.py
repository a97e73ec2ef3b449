"""Reads configurations of dq_fitter and turns them into fit files."""

from __future__ import annotations

from tau3mu.fit.dq.importer import Imported, import_dq, write_imported

__all__ = ["Imported", "import_dq", "write_imported"]

"""The command line: options, errors, tables and streams."""

from __future__ import annotations

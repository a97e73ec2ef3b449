"""The inputs of studies, and the programs that run on them, with their time and memory."""

from __future__ import annotations

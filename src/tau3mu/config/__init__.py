"""Files of users: how they are read, and how their mistakes are told."""

from __future__ import annotations

"""Files of users: how they are read and validated, and how their mistakes are explained."""

from __future__ import annotations

"""What is to be known of a fit before anybody believes its limit."""

from __future__ import annotations

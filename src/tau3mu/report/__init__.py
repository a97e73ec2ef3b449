"""Reports: one result or one comparison as HTML, in a notebook, in a browser, or in one file."""

from __future__ import annotations

"""The pages of a store in a browser: analyses, trains, tests and datasets."""

from __future__ import annotations

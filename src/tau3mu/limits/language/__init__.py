"""Model files of limits: channels, nuisances and data in JSON or YAML."""

from __future__ import annotations

from tau3mu.limits.language.files import load_model, model_of
from tau3mu.limits.language.model import LimitModel

__all__ = ["LimitModel", "load_model", "model_of"]

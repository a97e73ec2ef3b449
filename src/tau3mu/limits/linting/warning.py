"""A warning about a model."""

from __future__ import annotations

from dataclasses import dataclass

from tau3mu.config.problems import key_path

__all__ = ["LintWarning"]


@dataclass(frozen=True)
class LintWarning:
    """What is odd about a model that is valid.

    Attributes:
        code: Its kind, such as `limits.year-mismatch`.
        keys: The keys that lead to it in the model file.
        message: What is odd and what it does to limits.
    """

    code: str
    keys: tuple[str | int, ...]
    message: str

    @property
    def path(self) -> str:
        """The keys as `nuisances.scale.mean`."""
        return key_path(self.keys)

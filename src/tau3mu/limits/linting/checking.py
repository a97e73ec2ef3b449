"""All warnings about a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tau3mu.config.input_files import user_path
from tau3mu.limits.language.files import load_model
from tau3mu.limits.language.model import LimitModel, Spectrum
from tau3mu.limits.linting.channels import channel_warnings
from tau3mu.limits.linting.effects import effect_warnings
from tau3mu.limits.linting.names import name_warnings
from tau3mu.limits.linting.observed import gap_warnings, same_events, start_warnings
from tau3mu.limits.observations import observe

if TYPE_CHECKING:
    from tau3mu.limits.linting.warning import LintWarning

__all__ = ["lint"]


def lint(model: LimitModel | str | Path) -> tuple[LintWarning, ...]:
    """Returns what is odd about a model; its data are read without the signal windows.

    Args:
        model: The model, or a file of it.

    Raises:
        InputError: It is no model, or its data cannot be read.
    """
    folder = Path() if isinstance(model, LimitModel) else user_path(model).absolute().parent
    whole = model if isinstance(model, LimitModel) else load_model(model)
    found = {
        name: observe(name, one, observed=False, folder=folder)
        for name, one in whole.channels.items()
        if isinstance(one, Spectrum)
    }
    return (
        *name_warnings(whole),
        *effect_warnings(whole),
        *channel_warnings(whole),
        *start_warnings(whole, found),
        *gap_warnings(whole, found),
        *same_events(whole, found, folder),
    )

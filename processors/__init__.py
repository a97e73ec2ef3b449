"""The analyses: what is selected and filled, one processor per file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.processors.dsphipi import DsPhiPi
    from tau3mu.processors.dsphipi_notebook import DsPhiPiNotebook

__all__ = ["DsPhiPi", "DsPhiPiNotebook"]

__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"dsphipi": ["DsPhiPi"], "dsphipi_notebook": ["DsPhiPiNotebook"]},
)


def __dir__() -> list[str]:
    return __all__

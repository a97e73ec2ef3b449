"""What a processor is, where it comes from, and what its code was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.processing.catalogue import load_processor, load_processors
    from tau3mu.processing.distribution import ship_code
    from tau3mu.processing.histogram_checks import check_histograms
    from tau3mu.processing.parameters import Axis, Window, parameter
    from tau3mu.processing.processor import Processor
    from tau3mu.processing.recorder import Cutflow
    from tau3mu.processing.table import Table

__all__ = [
    "Axis",
    "Cutflow",
    "Processor",
    "Table",
    "Window",
    "check_histograms",
    "load_processor",
    "load_processors",
    "parameter",
    "ship_code",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "catalogue": ["load_processor", "load_processors"],
        "distribution": ["ship_code"],
        "histogram_checks": ["check_histograms"],
        "parameters": ["Axis", "Window", "parameter"],
        "processor": ["Processor"],
        "recorder": ["Cutflow"],
        "table": ["Table"],
    },
)

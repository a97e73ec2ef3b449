"""What is fitted: where it is read, and how it is cut to what the fit may see.

`read_data` and `read_labelled` read files; `binned` and `unbinned` turn what was read into the
samples `Binned` and `Unbinned` that likelihoods take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.fit.data.labelled import read_labelled
    from tau3mu.fit.data.readers import read_data
    from tau3mu.fit.data.runs import spectrum
    from tau3mu.fit.data.sample import Binned, Unbinned
    from tau3mu.fit.data.select import binned, unbinned
    from tau3mu.fit.data.source import Source

__all__ = [
    "Binned",
    "Source",
    "Unbinned",
    "binned",
    "read_data",
    "read_labelled",
    "spectrum",
    "unbinned",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "labelled": ["read_labelled"],
        "readers": ["read_data"],
        "runs": ["spectrum"],
        "sample": ["Binned", "Unbinned"],
        "select": ["binned", "unbinned"],
        "source": ["Source"],
    },
)

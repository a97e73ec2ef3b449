"""What is fitted: where it is read, and how it is cut to what the fit may see.

`read_data` and `read_labelled` read files; `binned` and `unbinned` turn what was read into the
samples `Binned` and `Unbinned` that likelihoods take.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

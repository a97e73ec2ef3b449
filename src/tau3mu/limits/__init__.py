"""Upper limits, significances and their diagnostics for models of many channels.

`limit("model.json")` returns the expected limits, and the observed one if it is asked for.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Pictures: histograms, cutflows, comparisons of two results, in the style of the experiments.

Functions of histograms and facts return a figure of matplotlib that pyplot does not know. Importing
this is fast; matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

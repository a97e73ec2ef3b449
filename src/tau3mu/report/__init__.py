"""Reports: one result or one comparison as HTML, in a notebook, in a browser, or in one file.

Importing this is fast; matplotlib, hist and Jinja2 are imported when something is drawn or written.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Mass fits: a model in a file and a spectrum give a result that says whether it can be trusted.

`language` reads fit files, `data` what is fitted, `pdfs` and `likelihood` make a function of both,
`fitting` finds its minimum, `studies` repeat that, and `output` writes and draws what came out.

Importing this is fast; zfit and matplotlib are imported when a fit or a plot begins.
"""

from __future__ import annotations

import lazy_loader

from tau3mu.callables import make_callable

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

make_callable(__name__, "tau3mu.fit.fitting.fit:fit")

"""Datasets: from dataset files or a list of ntuples to chunks that cover every event once.

`load_datasets` reads dataset files and `dataset_from_files` takes plain files; `check_files` opens
each file and says what is wrong with it before the work begins; `make_chunks` splits the files.
"""

from __future__ import annotations

import lazy_loader

from tau3mu.callables import make_callable

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

make_callable(__name__, "tau3mu.datasets.finding:datasets")

"""Dask clusters by name, by address, or on this machine: one call gives a client of any of them.

`connect` starts or finds the cluster, refuses an open network, waits for the first worker and
compares the versions. `load_site` reads a site file, which describes clusters, and
`performance_report` writes Dask's own report of a run.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

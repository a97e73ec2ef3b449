"""Dask clusters by name, by address, or on this machine: one call gives a client of any of them.

`connect` starts or finds the cluster, refuses an open network, waits for the first worker and
compares the versions. `load_site` reads a site file, which describes clusters, and
`performance_report` writes Dask's own report of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.clusters.connection import connect
    from tau3mu.clusters.report import performance_report
    from tau3mu.clusters.site import Site, load_site
    from tau3mu.clusters.versions import check_versions

__all__ = [
    "Site",
    "check_versions",
    "connect",
    "load_site",
    "performance_report",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "connection": ["connect"],
        "report": ["performance_report"],
        "site": ["Site", "load_site"],
        "versions": ["check_versions"],
    },
)

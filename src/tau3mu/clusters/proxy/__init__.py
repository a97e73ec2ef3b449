"""Grid proxies: found, checked before anything starts, shipped to workers, and watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.clusters.proxy.distribution import Shipment, ship, use_proxy
    from tau3mu.clusters.proxy.proxy import Proxy, find_proxy, needs_proxy

__all__ = ["Proxy", "Shipment", "find_proxy", "needs_proxy", "ship", "use_proxy"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "proxy": ["Proxy", "find_proxy", "needs_proxy"],
        "distribution": ["Shipment", "ship", "use_proxy"],
    },
)

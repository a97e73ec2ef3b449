"""Grid proxies: found, checked before anything starts, distributed to workers, and watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.clusters.proxy.distribution import Distribution, distribute, use_proxy
    from tau3mu.clusters.proxy.proxy import Proxy, find_proxy, needs_proxy

__all__ = ["Distribution", "Proxy", "distribute", "find_proxy", "needs_proxy", "use_proxy"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "proxy": ["Proxy", "find_proxy", "needs_proxy"],
        "distribution": ["Distribution", "distribute", "use_proxy"],
    },
)

"""A driver with a local cluster that has a proxy and waits for its own end."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main() -> None:
    """Takes the path of the proxy and the folder of the workers from the command line."""
    from distributed import Client, LocalCluster

    from tau3mu.grid import Proxy, ship

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0",
            local_directory=sys.argv[2],
        ) as cluster,
        Client(cluster) as client,
        ship(client, Proxy(Path(sys.argv[1]))),
    ):  # fmt: skip
        print("shipped", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    main()

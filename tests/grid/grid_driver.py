"""A driver that gives its proxy to a cluster and keeps it there until its standard input ends."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path


def main() -> None:
    """Takes the path of the proxy, and the address of a scheduler or a folder for own workers."""
    from distributed import Client, LocalCluster

    from tau3mu.clusters.proxy import Proxy, distribute

    proxy, place = sys.argv[1:]
    with ExitStack() as stack:
        if "://" in place:
            client = stack.enter_context(Client(place))
        else:
            cluster = LocalCluster(
                n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0",
                local_directory=place,
            )  # fmt: skip
            client = stack.enter_context(Client(stack.enter_context(cluster)))
        stack.enter_context(distribute(client, Proxy(Path(proxy))))
        print("ready", flush=True)
        sys.stdin.read()
    print("ended", flush=True)


if __name__ == "__main__":
    main()

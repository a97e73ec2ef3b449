"""Distribution of a grid proxy to the processes of a run, its renewal, and an end before expiry."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tau3mu.clusters.dask_settings import is_connected
from tau3mu.clusters.proxy.proxy import VARIABLE, span
from tau3mu.clusters.security import is_private
from tau3mu.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

    from tau3mu.clusters.proxy.certificates import Lifetime
    from tau3mu.clusters.proxy.proxy import Proxy, Version

__all__ = ["NAME", "Distribution", "distribute", "use_proxy"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")

NAME: Final = "tau3mu-x509-proxy"
"""The beginning of the names of all Dask plugins for this; a word for the run follows."""

LOOK_EVERY: Final = timedelta(minutes=1)
WARN_BEFORE: Final = timedelta(hours=1)
STOP_BEFORE: Final = timedelta(minutes=5)

_ANSWER_SECONDS: Final = 30.0
_TRIES: Final = 3


class _NoAnswerError(RunError):
    """The cluster did not answer in time."""


class Distribution:
    """A proxy that is distributed to the workers of a run.

    The loop of the driver calls `watch`, as often as it likes.
    """

    def __init__(
        self,
        client: Client | None,
        proxy: Proxy,
        *,
        look_every: timedelta = LOOK_EVERY,
        stop_before: timedelta = STOP_BEFORE,
    ) -> None:
        """Creates it; `renew` sends the proxy.

        Args:
            client: Of the cluster, if there is one.
            proxy: Is read by `renew`.
            look_every: How often `watch` looks at the file.
            stop_before: How long before the proxy expires `watch` ends the run.
        """
        self._client, self._proxy = client, proxy
        self._look_every, self._stop_before = look_every, stop_before
        self._name = f"{NAME}-{secrets.token_hex(4)}"
        self._n_sent = 0
        self._next_look = 0.0
        self._lifetime: Lifetime
        self._version: Version | None = None
        self._warned = False

    def renew(self) -> None:
        """Sends the proxy that is in the file now to all workers, also to those to come.

        Raises:
            InputError: The file is not a proxy that holds for a while.
            RunError: The cluster did not take it.
        """
        checked = self._proxy.read(self._stop_before)
        if self._client is not None:
            self._send(self._client, checked.content)
        self._lifetime, self._version, self._warned = checked.lifetime, checked.version, False

    def _send(self, client: Client, content: bytes) -> None:
        from tau3mu.clusters.proxy.plugin import ProxyPlugin, WithdrawalPlugin

        what = f"grid proxy {self._proxy.path} could not be given to the Dask workers"
        if not self._n_sent:  # first who takes the proxy back, then the proxy
            watch = WithdrawalPlugin(self._name, client.id)
            _within(what, lambda: client.register_plugin(watch))
        # By another name each time: to replace a plugin of the same name is to remove it first.
        self._n_sent += 1
        _register(client, ProxyPlugin(f"{self._name}-{self._n_sent}", content), what)

    def withdraw(self) -> None:
        """Removes the proxy from all workers, and from those to come."""
        if self._client is None or not self._n_sent:
            return
        from tau3mu.clusters.proxy.plugin import withdraw

        client, name = self._client, self._name
        what = "the grid proxy may lie on Dask workers until they end"
        if not is_connected(client):
            log.warning("%s: the scheduler is gone", what)
            return
        try:
            problems = _within(what, lambda: client.run_on_scheduler(withdraw, name=name))
        except RunError as error:
            log.warning("%s", error)
        else:
            for problem in problems:
                log.warning("%s: %s", what, problem)

    def remaining(self) -> timedelta:
        """Returns how long the proxy of the workers is still valid; reads no file."""
        return self._lifetime.remaining()

    def watch(self) -> None:
        """Sends the proxy again when the file has been renewed; ends the run before it expires.

        Looks at the file once a minute at most. A file that is gone or no good in the meantime is
        reported, and the proxy that the workers have is used until it is about to expire.

        Raises:
            RunError: It expires in a few minutes. Files could not be opened then, and the run must
                not take them for damaged ones.
        """
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + self._look_every.total_seconds()
        version = self._proxy.version()
        if version != self._version:
            try:
                self.renew()
                log.info("grid proxy %s was renewed: it holds for %s", self._proxy.path,
                         span(self.remaining()))  # fmt: skip
            except RunError as error:  # tried again at the next look
                log.warning("%s", error)
            except InputError as error:
                self._version = version
                log.warning("%s; the one before is still used", error)
        self._judge(self.remaining())

    def _judge(self, left: timedelta) -> None:
        path, command = self._proxy.path, self._proxy.command()
        if left < self._stop_before:
            message = (
                f"grid proxy {path} expires in {span(left)} and has not been renewed; the run "
                f"stops here, since no file could be opened afterwards: renew it ({command}) and "
                "resume the run"
            )
            raise RunError(message, code="proxy.expires", path=path)
        if left < WARN_BEFORE and not self._warned:
            self._warned = True
            log.warning("grid proxy %s expires in %s; renew it during the run: %s",
                        path, span(left), command)  # fmt: skip


@contextmanager
def distribute(
    client: Client | None,
    proxy: Proxy,
    *,
    insecure: bool = False,
    look_every: timedelta = LOOK_EVERY,
    stop_before: timedelta = STOP_BEFORE,
) -> Iterator[Distribution]:
    """Distributes a proxy to this process and all workers of a cluster, and removes it at the end.

    Workers that join or restart later get it as well. It has to be called before the first remote
    file is opened: XRootD's client reads only once where the proxy is.

    Args:
        client: Of the cluster; None for processes of this machine, which use the user's file.
        proxy: Is checked here again.
        insecure: Whether the key may travel over a network on which others can listen.
        look_every: How often `Distribution.watch` looks at the file.
        stop_before: How long before the proxy expires `Distribution.watch` ends the run.

    Raises:
        InputError: The proxy can't be used, or others could listen.
        RunError: The cluster did not take it.
    """
    distribution = Distribution(client, proxy, look_every=look_every, stop_before=stop_before)
    with use_proxy(proxy):
        if client is not None:
            _refuse_listeners(client, insecure=insecure)
        try:
            distribution.renew()
            yield distribution
        finally:
            distribution.withdraw()


@contextmanager
def use_proxy(proxy: Proxy | None) -> Iterator[None]:
    """Lets this process, and those that it starts, use a proxy.

    Args:
        proxy: None changes nothing.
    """
    if proxy is None:
        yield
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(proxy.path)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def _refuse_listeners(client: Client, *, insecure: bool) -> None:
    addresses = {client.scheduler.address, client.scheduler_info()["address"]}
    open_ones = sorted(address for address in addresses if not is_private(address))
    if open_ones and not insecure:
        message = (
            f"the scheduler at {open_ones[0]} does not use TLS: whoever listens on the network "
            "would get your grid proxy and its key; use a tls:// address, or --insecure if this "
            "network is yours alone"
        )
        raise InputError(message, code="clusters.open-network", path=open_ones[0])
    # At this level Dask's servers log whole messages. (Methods of loggers are known everywhere,
    # so the scheduler needs no package of ours.)
    would_log = logging.getLogger("distributed.core").isEnabledFor
    what = "the Dask cluster could not be asked how it logs"
    answers = [
        _within(what, lambda: client.run_on_scheduler(would_log, logging.DEBUG)),
        *_within(what, lambda: client.run(would_log, logging.DEBUG, on_error="ignore")).values(),
    ]
    if any(answers):
        message = (
            "the Dask cluster logs at the level DEBUG and would write your grid proxy and its "
            "key into its logs: set its logger distributed.core to INFO"
        )
        raise InputError(message, code="proxy.logged")


def _register(client: Client, plugin: Any, what: str) -> None:
    for attempt in range(_TRIES):
        try:
            _within(what, lambda: client.register_plugin(plugin))
        except _NoAnswerError as error:
            # The scheduler tells all workers at once: only one that is stuck can be without.
            log.warning("%s: they will get it when they answer again", error)
        except RunError:
            # A worker that dies at this moment is no reason to give up.
            if attempt == _TRIES - 1:
                raise
            continue
        return


def _within(what: str, call: Callable[[], _T]) -> _T:
    """Returns the result of a call, which ends here if a worker or the scheduler never answers."""
    returned: list[_T] = []
    raised: list[str] = []

    def run() -> None:
        try:
            returned.append(call())
        except Exception as error:  # noqa: BLE001  # whatever a worker has raised
            raised.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_ANSWER_SECONDS)
    if returned:
        return returned[0]
    # Nothing is chained: the frames below hold the key.
    if raised:
        message = f"{what}: {raised[0]}"
        raise RunError(message, code="proxy.not-distributed")
    message = f"{what}: no answer within {_ANSWER_SECONDS:.0f} s"
    raise _NoAnswerError(message, code="proxy.no-answer")

"""Watch DNS servers in threads: servers and canaries -> the last look at each."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from blocklist.config.dns_servers import DnsServer
from blocklist.install.canary_probe import ServerLook, look_at_server
from blocklist.install.change import Canaries
from blocklist.install.interruption import raise_if_interrupted

_FIRST_PAUSE, _LONGEST_PAUSE, _POLL_SECONDS = 0.05, 1.0, 0.2


class ServerWatch:
    """Looks at one server until it has loaded a list."""

    def __init__(self, server: DnsServer, canaries: Canaries, must_resolve: Sequence[str]) -> None:
        self.server, self._canaries, self._must_resolve = server, canaries, must_resolve
        #: The last look; None before the first answer or time limit.
        self.look: ServerLook | None = None
        #: A name that the server blocks in two looks in a row, though it resolved it before.
        self.harm: str | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the last look found the list and no fault."""
        return self.look is not None and self.look.fault is None

    def run(self, stop: Event, news: Event) -> None:
        """Look again and again, with growing pauses; set `news` after each look."""
        pause = _FIRST_PAUSE
        while not (stop.is_set() or self.is_loaded or self.harm):
            self._look_once()
            news.set()
            if not self.is_loaded:
                stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _look_once(self) -> None:
        look = look_at_server(self.server, self._canaries, self._must_resolve)
        if self.look and look.harm and look.harm == self.look.harm:
            self.harm = look.harm
        self.look = look


def watch_servers(
    watches: Sequence[ServerWatch], needed: int, seconds: float, grace: float
) -> None:
    """Look at servers until all have the list, one is harmed, or the time is over.

    That is `seconds`; or, when `needed` servers have it, `grace` more, or as long again as they
    needed if that is longer.
    """
    stop, news = Event(), Event()
    with ThreadPoolExecutor(len(watches)) as pool:
        futures = [pool.submit(watch.run, stop, news) for watch in watches]
        try:
            _wait_for_news(watches, needed, seconds, grace, news)
        finally:
            stop.set()
    for future in futures:
        future.result()  # raises what a thread raised


def _wait_for_news(
    watches: Sequence[ServerWatch], needed: int, seconds: float, grace: float, news: Event
) -> None:
    start = time.monotonic()
    deadline, is_quorum = start + seconds, False
    while True:
        raise_if_interrupted()
        loaded, now = sum(watch.is_loaded for watch in watches), time.monotonic()
        if loaded >= needed and not is_quorum:
            is_quorum = True
            deadline = min(deadline, now + max(grace, now - start))
        is_over = loaded == len(watches) or any(watch.harm for watch in watches)
        if is_over or now >= deadline:
            return
        news.wait(min(_POLL_SECONDS, deadline - now))
        news.clear()

"""Slows down who guesses: some failures in some minutes, for each address and for each name."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

__all__ = ["Throttle", "network_of"]

MOST_KNOWN = 10_000


class Throttle:
    """Counts failures.

    Args:
        most: How many are allowed.
        seconds: In which time.
        clock: Seconds that only grow.
    """

    def __init__(self, most: int = 10, seconds: float = 300.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.seconds, self._clock = most, seconds, clock
        self._failed: OrderedDict[str, list[float]] = OrderedDict()
        self._turn = threading.Lock()

    def wait(self, *names: str) -> float:
        """Seconds that whoever bears one of these names has to wait; 0 for none."""
        with self._turn:
            now = self._clock()
            times = [self._recent(name, now) for name in names]
            return max(
                (found[-self.most] + self.seconds - now for found in times if len(found) >= self.most), default=0
            )

    def failed(self, *names: str) -> None:
        """Counts a failure of each name; of too many names, those that failed longest ago are forgotten."""
        with self._turn:
            now = self._clock()
            for name in names:
                self._failed[name] = [*self._recent(name, now), now][-self.most :]
                self._failed.move_to_end(name)
            while len(self._failed) > MOST_KNOWN:
                self._failed.popitem(last=False)

    def _recent(self, name: str, now: float) -> list[float]:
        return [at for at in self._failed.get(name, ()) if now - at < self.seconds]


def network_of(address: str) -> str:
    """What is counted as one address: of IPv6 the /64 that one customer has.

    >>> network_of("192.0.2.7"), network_of("2001:db8::1:2"), network_of("testclient")
    ('192.0.2.7', '2001:db8::/64', 'testclient')
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found)

"""The breakers that can be asked: one thin adapter for each library, imported only when it is its turn."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.peers.peer import Peer

# Where each adapter is. The order is that of the table's columns.
_PEERS = {
    "pybreaker": "stock_pybreaker:Pybreaker",
    "aiobreaker": "stock_aiobreaker:Aiobreaker",
    "purgatory": "stock_purgatory:Purgatory",
    "circuitbreaker": "stock_circuitbreaker:Circuitbreaker",
    "hyx": "stock_hyx:Hyx",
    "interlock-cb": "stock_interlock:Interlock",
    "lab-consecutive": "lab:LabConsecutive",
    "lab-count_window": "lab:LabCountWindow",
    "lab-time_window": "lab:LabTimeWindow",
    "lab-throttle": "lab:LabThrottle",
    "lab-adaptive": "lab:LabAdaptive",
}


class NotInstalledError(Exception):
    """The library is not there; the text is the module that is missing."""


def names() -> Iterable[str]:
    """Every name that `load` knows, in the table's order."""
    return _PEERS.keys()


def load(name: str) -> type[Peer]:
    """Import the adapter of `name`. Raises NotInstalledError where its library, or what that needs, is missing.

    A missing module of the lab's own is no library: that ModuleNotFoundError passes through.
    """
    module, _, adapter = _PEERS[name].partition(":")
    try:
        found: type[Peer] = getattr(import_module(f"bench.peers.{module}"), adapter)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in {"bench", "client"}:
            raise
        raise NotInstalledError(missing) from error
    return found

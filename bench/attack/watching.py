"""How long `GET /data` takes while something else goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SETTLE_S = 0.3


@dataclass(frozen=True)
class Seen:
    """What a watch saw: requests, the longest of them, and the first answer that was none or not a 200."""

    asked: int = 0
    longest_s: float = 0.0
    trouble: str = ""


class Watch:
    """A process that asks some URLs all the time."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._seen: Seen | None = None

    def seen(self) -> Seen:
        """Stop, and return what was seen."""
        if self._seen is None:
            said, _ = self._process.communicate(timeout=30)
            self._seen = Seen(**json.loads(said))
        return self._seen


@contextmanager
def watch(urls: Sequence[str]) -> Iterator[Watch]:
    """Ask `urls` for the length of the context."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.attack.probe", *urls],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        time.sleep(_SETTLE_S)
        watching = Watch(process)
        yield watching
        watching.seen()
    finally:
        process.kill()
        process.communicate()

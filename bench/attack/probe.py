"""Ask URLs while standard input is open, then print what was seen, as JSON: python -m bench.attack.probe URL...

A process of its own, with little to load: what the attack itself computes must not be taken for a slow service.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

EVERY_S = 0.02
PATIENCE_S = 60.0


class Asker:
    """Asks one URL again and again, each time on a connection of its own, as one who comes anew."""

    def __init__(self, url: str) -> None:
        self._where = urlsplit(url)
        self._asks_since: float | None = None
        self._stopped = False
        self.asked = 0
        self.longest_s = 0.0
        self.trouble = ""
        self._thread = threading.Thread(target=self._ask_on, daemon=True)
        self._thread.start()

    def _ask_on(self) -> None:
        while not self._stopped:
            self._asks_since = began = time.monotonic()
            trouble = self._ask()
            self._asks_since = None
            self.asked += 1
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            if trouble and not self._stopped:
                self.trouble = self.trouble or trouble
            time.sleep(EVERY_S)

    def _ask(self) -> str:
        connection = HTTPConnection(self._where.hostname or "", self._where.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", self._where.path, headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        return "" if answer.status == 200 else f"answered {answer.status}"

    def stop(self) -> None:
        """Ask no more; a request that nobody has answered yet counts with the time that it has taken so far."""
        self._stopped = True
        since = self._asks_since
        if since is not None:
            self.longest_s = max(self.longest_s, time.monotonic() - since)


def main() -> None:
    """Ask every URL until standard input closes."""
    askers = [Asker(url) for url in sys.argv[1:]]
    sys.stdin.read()
    for each in askers:
        each.stop()
    said = next((each.trouble for each in askers if each.trouble), "")
    longest = max((each.longest_s for each in askers), default=0.0)
    asked = sum(each.asked for each in askers)
    sys.stdout.write(json.dumps({"asked": asked, "longest_s": longest, "trouble": said}))


if __name__ == "__main__":
    main()

"""Make the sample log: `python -m loadtest.studies.tune.samples.make`. The same bytes each time.

A checkout service behind a proxy, 44 minutes of an evening. It is made without the lab's fault model, so that the lab
has to rebuild what it did not make: rates drift and ripple, latencies follow the load, errors creep in before an outage
and fade after it, some callers try again, and the outage is partly refused connections and partly silence.
"""

from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path

SAMPLE = Path(__file__).with_name("checkout.csv")
_SEED = 20240517
_LENGTH_S = 44 * 60
_TIMEOUT_S = 2.0
_BEGAN_HOUR, _BEGAN_MINUTE = 18, 30


@dataclass(frozen=True)
class _Trouble:
    """Something that goes wrong: it comes on, stays, and goes away. `failing` at its worst; `silent` of those hang.

    With a `period_s` it is there for the first sixth of each period alone.
    """

    at_s: float
    onset_s: float
    stay_s: float
    fade_s: float
    failing: float
    silent: float
    slower: float = 1.0
    period_s: float = 0.0

    def depth(self, now_s: float) -> float:
        """From 0, not there, to 1, at its worst."""
        since = now_s - self.at_s
        if since < 0 or (self.period_s and since % self.period_s > self.period_s / 6):
            return 0.0
        if since < self.onset_s:
            return (since / self.onset_s) ** 2
        if since < self.onset_s + self.stay_s:
            return 1.0
        return max(0.0, 1 - (since - self.onset_s - self.stay_s) / self.fade_s)


_TROUBLES = (
    _Trouble(260, 5, 38, 9, failing=0.97, silent=0.15),  # a deployment goes wrong and is rolled back
    _Trouble(640, 25, 70, 30, failing=0.08, silent=0.3, slower=5),  # a slow database: late answers, few failures
    _Trouble(980, 18, 105, 14, failing=1.0, silent=0.6),  # the payment provider is away
    _Trouble(1330, 2, 16, 4, failing=0.9, silent=0.0),  # a restart
    _Trouble(1480, 1, 60, 1, failing=0.85, silent=0.0, period_s=9),  # connections run out, again and again
    _Trouble(1820, 12, 72, 18, failing=0.98, silent=0.45),  # the provider once more
    _Trouble(2170, 20, 55, 25, failing=0.06, silent=0.3, slower=4),
    _Trouble(2310, 1, 40, 1, failing=0.85, silent=0.0, period_s=8),
    _Trouble(2460, 3, 24, 6, failing=0.95, silent=0.1),
)


def lines() -> list[str]:
    """Return the lines of the log, without their ends."""
    rng = random.Random(_SEED)  # noqa: S311 - a sample, no secret
    found = ["time,status,duration"]
    now_s = 0.0
    again: list[float] = []  # callers who will try once more, by time
    ripple = 0.0
    while True:
        ripple = 0.98 * ripple + rng.gauss(0, 0.035)
        rate = (4.8 + 2.2 * math.sin(math.pi * now_s / _LENGTH_S)) * math.exp(ripple)
        coming_s = now_s - math.log(1 - rng.random()) / rate
        if again and again[0] < coming_s:
            coming_s = again.pop(0)
        now_s = coming_s
        if now_s >= _LENGTH_S:
            return found
        status, duration_s = _fate(rng, now_s, rate)
        found.append(f"{_stamp(now_s)},{status},{duration_s:.3f}")
        if status != 200 and status < 600 and rng.random() < 0.2:
            again = sorted([*again, now_s + duration_s + rng.uniform(0.5, 4)])


def _fate(rng: random.Random, now_s: float, rate: float) -> tuple[int, float]:
    depths = [(trouble, trouble.depth(now_s)) for trouble in _TROUBLES]
    slower = math.prod(1 + (trouble.slower - 1) * depth for trouble, depth in depths)
    duration_s = 0.03 + 0.09 * slower * (rate / 6) * rng.gammavariate(1.6, 1 / 1.6)
    if rng.random() < 0.01:
        duration_s += rng.expovariate(1 / 0.4)  # a pause of the server
    for trouble, depth in depths:
        if rng.random() < trouble.failing * depth:
            if rng.random() < trouble.silent:
                return 504, _TIMEOUT_S + rng.uniform(0, 0.004)
            return (503 if rng.random() < 0.7 else 500), 0.002 + rng.expovariate(1 / 0.006)
    if duration_s >= _TIMEOUT_S:
        return 504, _TIMEOUT_S + rng.uniform(0, 0.004)
    if rng.random() < 0.004:
        return 500, duration_s
    return (404 if rng.random() < 0.01 else 200), duration_s


def _stamp(now_s: float) -> str:
    total_ms = round(1000 * now_s)
    minutes, ms = divmod(total_ms, 60_000)
    hour, minute = divmod(_BEGAN_HOUR * 60 + _BEGAN_MINUTE + minutes, 60)
    return f"2024-05-17T{hour:02}:{minute:02}:{ms // 1000:02}.{ms % 1000:03}Z"


def main() -> None:
    """Write the sample, or to the file that is named."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    target.write_text("\n".join(lines()) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

"""Run one attack after the other, each within its time, and judge what was seen."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.attack import targets, watching
from bench.attack.ground import AttackTally, Ground, SkippedAttackError
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from bench.attack.ground import Attack, Effort

# The longest `GET /data` may take this long, or this many times as long as the undisturbed one.
LONGEST_DATA_S = 0.25
LONGEST_DATA_RATIO = 20
UNDISTURBED_S = 2.0
QUICK_UNDISTURBED_S = 0.7
# What is broken beyond this number is counted, not told.
MOST_TOLD = 20


class OutOfTimeError(BaseException):
    """The attack has taken all its time. No `except Exception` on the way may swallow it."""


@dataclass(frozen=True)
class AttackResult:
    """What came of one attack; `skipped` says why it did not run, and then the other figures mean nothing."""

    name: str
    about: str
    tried: int
    broken: int
    longest_data_s: float | None
    told: tuple[str, ...]
    took_s: float
    skipped: str = ""

    @property
    def verdict(self) -> str:
        """Held, broken or skipped."""
        return "skipped" if self.skipped else "broken" if self.broken else "held"

    def as_json(self) -> dict[str, Any]:
        """Return the same as data."""
        return {**asdict(self), "held": self.tried - self.broken, "verdict": self.verdict}


def measure_undisturbed(folder: Path, *, quick: bool) -> float:
    """Return the longest `GET /data`, in seconds, of two services that nobody attacks. Raises ChildError."""
    folder.mkdir(parents=True, exist_ok=True)
    with targets.start_pair(folder / "log") as pair, watching.watch([f"{each.url}/data" for each in pair]) as watch:
        time.sleep(QUICK_UNDISTURBED_S if quick else UNDISTURBED_S)
        return watch.seen().longest_s


def limit_from(undisturbed_s: float) -> float:
    """Return the longest that `GET /data` may take under attack."""
    return max(LONGEST_DATA_S, LONGEST_DATA_RATIO * undisturbed_s)


def run_attack(attack: Attack, folder: Path, effort: Effort, limit_s: float) -> AttackResult:
    """Run one attack to its end, or to that of its time, which is then what broke."""
    began = time.monotonic()
    tally = AttackTally()
    skipped = ""
    try:
        with time_limit(attack.deadline_s):
            attack.run(Ground(folder, effort, tally, limit_s))
    except SkippedAttackError as error:
        skipped = str(error)
    except OutOfTimeError:
        tally.check(held=False, otherwise=f"no end within {attack.deadline_s:g} s")
    except ChildError as error:
        tally.check(held=False, otherwise=str(error))
    return AttackResult(
        attack.name,
        attack.about,
        tally.tried,
        tally.broken,
        tally.longest_data_s,
        tuple(list(tally.told)[:MOST_TOLD]),
        round(time.monotonic() - began, 1),
        skipped,
    )


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTimeError in the main thread after `seconds`, wherever it is then."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise OutOfTimeError

    before: Callable[[int, FrameType | None], Any] | int | None = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

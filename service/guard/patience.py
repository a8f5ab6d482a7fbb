"""How long a caller may take for each step of a request. Decided from what is seen of a connection twice a second.

So nothing is timed for each request: no timer is set, and no clock is read.
"""

from __future__ import annotations

from enum import Enum, auto

from service.guard import limits

# Seconds between two looks at a connection.
LOOK_EVERY_S = 0.5


class Step(Enum):
    """What a connection waits for."""

    FIRST_HEAD = auto()  # no byte of a request has come yet
    HEAD = auto()
    BODY = auto()
    REST_OF_BODY = auto()  # which nobody reads: the answer has gone
    ANSWER = auto()
    NEXT_HEAD = auto()
    END = auto()  # the service has closed its side


class Ending(Enum):
    """Why the connection ends: what the caller is told, if he can be told anything."""

    LATE_HEAD = "head: not there within {limits.HEAD_WITHIN_S:g} s"
    SILENT_BODY = "body: no byte came for {limits.BODY_SILENT_S:g} s"
    SLOW_BODY = "body: not there within {limits.BODY_WITHIN_S:g} s"
    IDLE = "idle for {limits.KEEP_ALIVE_S:g} s"
    LEFT_OPEN = "not closed within {limits.DROP_FOR_S:g} s"
    NOT_TAKEN = "answer: not taken"

    @property
    def detail(self) -> str:
        """Return the words, with the limit as it is now."""
        return self.value.format(limits=limits)

    @property
    def is_told(self) -> bool:
        """Whether the caller gets an answer, 408."""
        return self in _TOLD


_TOLD = frozenset({Ending.LATE_HEAD, Ending.SILENT_BODY, Ending.SLOW_BODY})


class Patience:
    """What one connection was last seen at, and since when. Times are in seconds of any clock, always the same."""

    __slots__ = ("_came", "_heard_at", "_moved_at", "_request", "_sending_since", "_unsent", "since", "step")

    def __init__(self, now: float) -> None:
        self.since = now
        self.step = Step.FIRST_HEAD
        self._request: object = None
        self._came = 0
        self._heard_at = now
        self._unsent = 0
        self._sending_since: float | None = None
        self._moved_at = now

    def judge(self, now: float, step: Step, request: object, came: int, unsent: int) -> Ending | None:
        """Return why the connection has to end, none if it may go on.

        `request` is another object for another request; `came` changes with every byte that comes, `unsent` is what the
        caller has not taken yet.
        """
        if step is not self.step or request is not self._request:
            self.step, self._request, self.since, self._heard_at = step, request, now, now
        if came != self._came:
            self._came, self._heard_at = came, now
        if unsent or self._unsent:
            ending = self._judge_sending(now, step, unsent)
            if ending is not None:
                return ending
        return self._judge_step(now, step)

    def _judge_sending(self, now: float, step: Step, unsent: int) -> Ending | None:
        before, self._unsent = self._unsent, unsent
        if not unsent:
            self._sending_since = None
            return None
        if self._sending_since is None:
            self._sending_since = self._moved_at = now
        elif unsent < before:
            self._moved_at = now
        stuck = now - self._moved_at >= limits.ANSWER_STUCK_S
        # An answer under way may be a stream, which goes on for as long as it is read.
        slow = step is not Step.ANSWER and now - self._sending_since >= limits.ANSWER_WITHIN_S
        return Ending.NOT_TAKEN if stuck or slow else None

    def _judge_step(self, now: float, step: Step) -> Ending | None:
        took = now - self.since
        if step in _HEADS:
            return Ending.LATE_HEAD if took >= limits.HEAD_WITHIN_S else None
        if step is Step.BODY:
            if now - self._heard_at >= limits.BODY_SILENT_S:
                return Ending.SILENT_BODY
            return Ending.SLOW_BODY if took >= limits.BODY_WITHIN_S else None
        if step is Step.NEXT_HEAD:
            return Ending.IDLE if took >= limits.KEEP_ALIVE_S else None
        if step in _LEFT_OVER:
            return Ending.LEFT_OPEN if took >= limits.DROP_FOR_S else None
        return None


_HEADS = frozenset({Step.FIRST_HEAD, Step.HEAD})
_LEFT_OVER = frozenset({Step.REST_OF_BODY, Step.END})

"""What counts as a failure of the backend: the one place that decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.breakers.interface import FAILURE, NEUTRAL, SUCCESS
from client.pipeline.call import Outcome
from client.pipeline.errors import CallTimeoutError, RefusedError, UpstreamError

if TYPE_CHECKING:
    from client.breakers.interface import Verdict
    from client.pipeline.call import Answer


def verdict_of_answer(answer: Answer) -> Verdict:
    """2xx and 3xx: success. 4xx: the caller's mistake, which says nothing about the backend's health."""
    return SUCCESS if answer.status < 400 else NEUTRAL


def verdict_of_error(error: BaseException) -> Verdict:
    """5xx, no connection and no answer in time: failure. Anything else, cancellation included, says nothing."""
    return FAILURE if isinstance(error, (UpstreamError, CallTimeoutError)) else NEUTRAL


def outcome_of_answer(answer: Answer) -> Outcome:
    """Below 400, the caller got what it asked for."""
    return Outcome.OK if answer.status < 400 else Outcome.ERROR


def outcome_of_error(error: BaseException) -> Outcome:
    """Return how a call without an answer ended."""
    if isinstance(error, RefusedError):
        return Outcome.FAST_FAIL
    if isinstance(error, CallTimeoutError):
        return Outcome.TIMEOUT
    return Outcome.ERROR

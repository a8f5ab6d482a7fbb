"""What a status in an access log says: one reading, by the rules of the client's own classification. Pure.

By default, 5xx and no answer at all are failures of the backend. 4xx says nothing about it: 404 is the caller's
mistake, 429 asks for patience, 499 is a caller who left. 3xx is an answer that says nothing about the backend, either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from client.breakers.interface import FAILURE, SUCCESS
from client.pipeline.classification import DEFAULT

if TYPE_CHECKING:
    from client.breakers.interface import Verdict
    from client.pipeline.classification import ClassificationSettings

    Codes = np.ndarray[tuple[int], np.dtype[np.int8]]
    Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
    Numbers = np.ndarray[tuple[int], np.dtype[np.int16]]

# What became of a request. ASIDE: it says nothing about the backend, and its caller has lost nothing if it is refused.
OK, ERROR, TIMEOUT, ASIDE = 0, 1, 2, 3
# No answer at all, as proxies write it.
NO_ANSWER = -1
_NO_ANSWER_TEXTS = frozenset({"-", "000", "none", "null"})
# What a proxy answers where the server took too long.
_TIMED_OUT = frozenset({504, 524})
# gRPC's codes as HTTP has them (google/rpc/code.proto), but for 12: a method that is not there is the caller's mistake.
_GRPC = {0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 404}
_GRPC |= {13: 500, 14: 503, 15: 500, 16: 401}
_GRPC_NAMES = (
    *("ok", "cancelled", "unknown", "invalidargument", "deadlineexceeded", "notfound", "alreadyexists"),
    *("permissiondenied", "resourceexhausted", "failedprecondition", "aborted", "outofrange", "unimplemented"),
    *("internal", "unavailable", "dataloss", "unauthenticated"),
)
_WORDS = {"success": 200, "error": 500, "failure": 500, "timeout": 504, "canceled": 499}
_WORDS |= {name: _GRPC[code] for code, name in enumerate(_GRPC_NAMES)}
_LONGEST_NAME = 40


def verdict_of_status(status: int, classification: ClassificationSettings = DEFAULT) -> Verdict:
    """Return what an HTTP status says about the backend's health."""
    return SUCCESS if 100 <= status < 200 else classification.verdict_of_status(status)


def is_answer(status: int) -> bool:
    """Whether its caller has what it asked for."""
    return 100 <= status < 400


def outcome_of_status(status: int, classification: ClassificationSettings = DEFAULT) -> int:
    """Return OK, ERROR, TIMEOUT or ASIDE for an HTTP status."""
    if is_answer(status):
        return OK
    if verdict_of_status(status, classification) is not FAILURE:
        return ASIDE
    return TIMEOUT if status in _TIMED_OUT else ERROR


def status_number(value: Any) -> int | None:
    """Return the number that a status stands for: HTTP's, or one from 0 to 16, of which the whole log must tell more.

    None for what is no status.
    """
    text = str(value).strip().lower().removesuffix(".0")
    if text in _NO_ANSWER_TEXTS:
        return NO_ANSWER
    if isinstance(value, bool) or len(text) > _LONGEST_NAME:
        return None
    if text.isascii() and text.isdigit():
        number = int(text)
        known = 100 <= number <= 599 if len(text) == 3 else number in _GRPC and text == str(number)
        return number if known else None
    return _WORDS.get(text.replace("_", "").replace(" ", "").replace("-", ""))


class LogOutcomes(NamedTuple):
    """What became of each request; `redirects`: an answer that says nothing of the backend; `bad`: it is no status."""

    outcome: Codes
    redirects: Flags
    bad: Flags
    grpc: bool


def read_outcomes(
    numbers: Numbers, *, http: bool, words: bool, classification: ClassificationSettings = DEFAULT
) -> LogOutcomes:
    """Read all statuses of a log; `http`: some are HTTP's; `words`: some are words.

    Small numbers are gRPC's where no HTTP status stands beside them. Among HTTP's, 0 is no answer, as proxies write
    it, and so it is among words, unless there are other codes of gRPC.
    """
    small = (numbers >= 0) & (numbers < 100)
    coded = small & (numbers > 0)
    grpc = bool(small.any()) and not http and (bool(coded.any()) or not words)
    table = {number: number for number in np.unique(numbers).tolist()}
    table |= {code: status if grpc else NO_ANSWER for code, status in _GRPC.items()}
    found = np.array([table[number] for number in numbers.tolist()], dtype=np.int16)
    outcome_of = {status: outcome_of_status(status, classification) for status in np.unique(found).tolist()}
    outcome = np.array([outcome_of[status] for status in found.tolist()], dtype=np.int8)
    return LogOutcomes(outcome, (found >= 300) & (found < 400), coded & (not grpc), grpc)

"""What counts as a failure of the backend: the one place that decides, for the client, the harness and `tune`.

The status alone decides what the caller gets: up to 4xx the backend's answer as it is, in place of a 5xx a fallback.
The settings decide what the breaker makes of it, and the harness in its figures: failure, success, or neither.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from client.breakers.interface import FAILURE, NEUTRAL, SUCCESS
from client.pipeline.call import Outcome
from client.pipeline.errors import BackendFailedError, CallTimeoutError, RefusedError, UpstreamError
from inputs.model import StrictModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client.breakers.interface import Verdict
    from client.pipeline.call import Handler
    from client.pipeline.part import Owner

# What the settings decide on. A 2xx is what was asked for, and whatever is no status is no answer.
LOWEST, HIGHEST = 300, 599
TOO_MANY_REQUESTS = 429
_FORMS = f"allowed: codes from {LOWEST} to {HIGHEST}, classes and ranges, such as 429, 5xx, 500-504"


class _Entry(NamedTuple):
    """The statuses that an entry of a list names."""

    text: str
    low: int
    high: int

    @property
    def width(self) -> int:
        """How many it names: the fewer, the more exact."""
        return self.high - self.low + 1


def _read_entry(text: str) -> _Entry:
    """Read a code, a class or a range. Raises ValueError."""
    if re.fullmatch(r"[0-9]xx", text):
        entry = _Entry(text, int(text[0]) * 100, int(text[0]) * 100 + 99)
    elif re.fullmatch(r"[0-9]{3}(-[0-9]{3})?", text):
        entry = _Entry(text, int(text[:3]), int(text[-3:]))
    else:
        entry = _Entry(text, 1, 0)
    if not LOWEST <= entry.low <= entry.high <= HIGHEST:
        raise ValueError(f"{_FORMS}; not {text!r:.80}")
    return entry


def _split_list(value: Any) -> Any:
    """Take text for a list, too: an environment variable and a form have nothing else. Raises ValueError."""
    if value is None:
        return ()
    if isinstance(value, str):
        text = value.strip()
        text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        value = [part for part in re.split(r"[,\s]+", re.sub(r"[\"']", " ", text)) if part]
    is_list = isinstance(value, (list, tuple))
    if not is_list or any(isinstance(each, bool) or not isinstance(each, (str, int)) for each in value):
        raise ValueError(_FORMS)
    return tuple(dict.fromkeys(_read_entry(str(each).strip().lower()).text for each in value))


StatusList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_list)]


class ClassificationSettings(StrictModel):
    """Which answers are failures of the backend. No answer in time, or none at all, always is one."""

    failure_status: StatusList = Field(
        ("5xx",), max_length=100, description="statuses that count as failures: codes, classes and ranges"
    )
    neutral_status: StatusList = Field(
        ("4xx",),
        max_length=100,
        description="statuses that say nothing about the backend's health; the more exact entry of the two lists "
        "decides, a 3xx in neither is neutral, any other in neither a success",
    )

    @model_validator(mode="after")
    def _lists_agree(self) -> Self:
        _verdicts(self.failure_status, self.neutral_status)
        return self

    def verdict_of_status(self, status: int) -> Verdict:
        """Return what an answer of `status` says about the backend's health; that of a status that is none: failure."""
        if LOWEST <= status <= HIGHEST:
            return _verdicts(self.failure_status, self.neutral_status)[status]
        return SUCCESS if 200 <= status < LOWEST else FAILURE


@lru_cache(maxsize=1000)
def _verdicts(failures: tuple[str, ...], neutrals: tuple[str, ...]) -> Mapping[int, Verdict]:
    """Return the verdict on each status. Raises ValueError where both lists name one equally exactly."""
    failing, neutral = ([_read_entry(text) for text in texts] for texts in (failures, neutrals))
    return {status: _decide(status, failing, neutral) for status in range(LOWEST, HIGHEST + 1)}


def _decide(status: int, failing: list[_Entry], neutral: list[_Entry]) -> Verdict:
    failure, nothing = _most_exact(failing, status), _most_exact(neutral, status)
    if failure and nothing and failure.width == nothing.width:
        raise ValueError(
            f"neutral_status: got {nothing.text!r} beside {failure.text!r} in failure_status, and {status} is in both; "
            "allowed: a status in one of the lists, or in both where one entry is more exact, such as 429 beside 4xx"
        )
    if failure and not (nothing and nothing.width < failure.width):
        return FAILURE
    return NEUTRAL if nothing or status < 400 else SUCCESS


def _most_exact(entries: list[_Entry], status: int) -> _Entry | None:
    return min((each for each in entries if each.low <= status <= each.high), key=lambda each: each.width, default=None)


DEFAULT = ClassificationSettings()


def with_classification(inner: Handler, _: ClassificationSettings, __: Owner) -> Handler:
    """Return what is below: the breaker's part asks these settings for its verdicts, and nothing is to be wrapped."""
    return inner


def verdict_of_error(error: BaseException, classification: ClassificationSettings = DEFAULT) -> Verdict:
    """No connection and no answer in time: failure. An answer by its status. Cancellation and the like say nothing.

    Nor does a timeout for which the client's own loop was late.
    """
    if isinstance(error, BackendFailedError):
        return classification.verdict_of_status(error.status)
    if isinstance(error, CallTimeoutError):
        return NEUTRAL if error.is_late else FAILURE
    return FAILURE if isinstance(error, UpstreamError) else NEUTRAL


def outcome_of_status(status: int) -> Outcome:
    """Below 400 the caller has what it asked for."""
    return Outcome.OK if 200 <= status < 400 else Outcome.ERROR


def outcome_of_error(error: BaseException) -> Outcome:
    """Return how a call without an answer ended."""
    if isinstance(error, RefusedError):
        return Outcome.FAST_FAIL
    if isinstance(error, CallTimeoutError):
        return Outcome.TIMEOUT
    return Outcome.ERROR

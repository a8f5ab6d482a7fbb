"""What counts as a failure: two lists of statuses, read alike by breaker, harness and `tune`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from client.breakers.interface import Breaker, Permit, State, Verdict
from client.core import Client
from client.pipeline.call import Answer, Call
from client.pipeline.classification import ClassificationSettings
from client.pipeline.errors import BackendFailedError
from client.pipeline.order import CallSettings
from client.settings import ClientSettings
from inputs.check import check
from inputs.environment import from_environment
from inputs.wrong_input import WrongInputError
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from enum import StrEnum


def verdicts(settings: dict[str, Any], *statuses: int) -> list[str]:
    chosen = check(settings, ClassificationSettings)
    return [chosen.verdict_of_status(status).value for status in statuses]


@pytest.mark.parametrize(
    ("settings", "statuses", "expected"),
    [
        ({}, (200, 302, 404, 429, 499, 500, 503), "success neutral neutral neutral neutral failure failure"),
        ({"failure_status": ["5xx", "429"]}, (404, 429, 500), "neutral failure failure"),
        ({"failure_status": ["5xx", 429, 408]}, (404, 408, 429), "neutral failure failure"),
        ({"neutral_status": ["4xx", "501"]}, (500, 501, 502), "failure neutral failure"),
        ({"failure_status": ["500-504"], "neutral_status": ["5xx"]}, (500, 504, 505), "failure failure neutral"),
        ({"failure_status": ["500-504"], "neutral_status": ["502"]}, (501, 502, 505), "failure neutral success"),
        ({"failure_status": ["503"], "neutral_status": []}, (302, 404, 500, 503), "neutral success success failure"),
        ({"failure_status": ["3XX", "5XX"]}, (200, 301, 500), "success failure failure"),
        ({"failure_status": "5xx, 429"}, (428, 429), "neutral failure"),
        ({"failure_status": '["5xx", "429"]'}, (428, 429, 500), "neutral failure failure"),
        ({"failure_status": None, "neutral_status": None}, (404, 500), "success success"),
    ],
)
def test_the_more_exact_entry_decides(settings: dict[str, Any], statuses: tuple[int, ...], expected: str) -> None:
    """A code before a range, a range before a class; what is in neither list is an answer, and a 3xx says nothing."""
    assert verdicts(settings, *statuses) == expected.split()


@pytest.mark.parametrize(
    ("settings", "detail"),
    [
        (
            {"failure_status": ["5xx", "429"], "neutral_status": ["429"]},
            "neutral_status: got '429' beside '429' in failure_status, and 429 is in both",
        ),
        (
            {"failure_status": ["4xx"]},
            "neutral_status: got '4xx' beside '4xx' in failure_status, and 400 is in both",
        ),
        (
            {"failure_status": ["500-505"], "neutral_status": ["505-510"]},
            "neutral_status: got '505-510' beside '500-505' in failure_status, and 505 is in both",
        ),
        ({"failure_status": ["2xx"]}, "failure_status: got ['2xx']; allowed: codes from 300 to 599"),
        ({"failure_status": ["6xx"]}, "failure_status: got ['6xx']; allowed: codes from 300 to 599"),
        ({"neutral_status": [99]}, "neutral_status: got [99]; allowed: codes from 300 to 599"),
        ({"neutral_status": [True]}, "neutral_status: got [True]; allowed: codes from 300 to 599"),
        ({"neutral_status": ["504-500"]}, "neutral_status: got ['504-500']; allowed: codes from 300 to 599"),
        ({"neutral_status": [404.0]}, "neutral_status: got [404.0]; allowed: codes from 300 to 599"),
        ({"neutral_status": 404}, "neutral_status: got 404; allowed: codes from 300 to 599"),
    ],
)
def test_what_is_no_list_of_statuses_is_refused(settings: dict[str, Any], detail: str) -> None:
    """The field, the value, and what is allowed; a status in both lists names both."""
    with pytest.raises(WrongInputError) as caught:
        check(settings, ClassificationSettings)

    assert str(caught.value).startswith(detail)


@pytest.mark.parametrize("text", ["5xx,429", '["5xx", "429"]', "5xx 429"])
def test_the_environment_sets_it(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """As JSON, or as words."""
    monkeypatch.setenv("CLIENT_CLASSIFICATION__FAILURE_STATUS", text)

    assert from_environment(ClientSettings).classification.failure_status == ("5xx", "429")


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the user wrote it."""
    monkeypatch.setenv("CLIENT_CLASSIFICATION__FAILURE_STATUS", "5xx,often")

    with pytest.raises(WrongInputError) as caught:
        from_environment(ClientSettings)

    assert str(caught.value).startswith("CLIENT_CLASSIFICATION__FAILURE_STATUS: got '5xx,often'; allowed: codes from")


class RecordingBreaker(Breaker):
    """Lets everything through, and keeps what it is told."""

    def __init__(self, inner: Breaker) -> None:
        super().__init__(inner.settings, 0.0, lambda _: None)
        self.told: list[tuple[str, float | None]] = []

    def admit(self, now: float) -> Permit:
        return Permit(State.CLOSED, 0, now)

    def report(self, permit: Permit, verdict: Verdict, now: float, retry_after_s: float | None = None) -> None:  # noqa: ARG002
        self.told.append((verdict.value, retry_after_s))

    def force(self, state: State, now: float, kind: StrEnum) -> None:
        """Nobody does."""


def told(entry: Answer | Exception, **settings: Any) -> tuple[tuple[str, float | None], int, str]:
    """Return what a breaker is told of a call that ends like this, and what the caller gets."""

    async def upstream(_: Call) -> Answer:
        if isinstance(entry, Exception):
            raise entry
        return entry

    async def main() -> tuple[tuple[str, float | None], int, str]:
        client = Client(CallSettings.model_validate(settings), upstream)
        client.breaker = breaker = RecordingBreaker(client.breaker)
        call, answer = await client.call("1")
        return breaker.told[0], answer.status, call.outcome.value

    return run_virtual(main())


LIMITED = Answer(429, b"{}", headers=((b"retry-after", b"60"),))
FAILING = {"failure_status": ["5xx", "429"]}
HONOURS = {"honour_retry_after": True, "open_max_s": 120}


@pytest.mark.parametrize(
    ("entry", "settings", "expected"),
    [
        (Answer(200, b""), {}, (("success", None), 200, "ok")),
        (Answer(301, b"", headers=((b"location", b"/x"),)), {}, (("neutral", None), 301, "ok")),
        (Answer(404, b""), {}, (("neutral", None), 404, "error")),
        (Answer(404, b""), {"classification": {"failure_status": [404]}}, (("failure", None), 404, "error")),
        (LIMITED, {}, (("neutral", 60), 429, "error")),
        (LIMITED, {"breaker": HONOURS}, (("neutral", 60), 429, "error")),
        (LIMITED, {"classification": FAILING}, (("failure", 60), 429, "error")),
        (LIMITED, {"classification": FAILING, "breaker": HONOURS}, (("neutral", 60), 429, "error")),
        (Answer(429, b""), {"classification": FAILING, "breaker": HONOURS}, (("failure", None), 429, "error")),
        (Answer(404, b"", headers=LIMITED.headers), {"breaker": HONOURS}, (("neutral", None), 404, "error")),
        (BackendFailedError(503, 7), {"breaker": HONOURS}, (("failure", 7), 502, "error")),
        (BackendFailedError(501), {"classification": {"neutral_status": ["501"]}}, (("neutral", None), 502, "error")),
        (BackendFailedError(600), {"classification": {"failure_status": []}}, (("failure", None), 502, "error")),
    ],
)
def test_the_breaker_is_told_by_the_table(entry: Answer | Exception, settings: dict[str, Any], expected: Any) -> None:
    """The status alone decides what the caller gets. A 429 with a time goes on as what may open at once, honoured."""
    assert told(entry, **settings) == expected


def test_new_settings_are_another_table() -> None:
    """What has been changed while the client runs holds for the calls from then on."""

    async def upstream(_: Call) -> Answer:
        await asyncio.sleep(0)
        return Answer(404, b"")

    async def main() -> list[int]:
        client, counts = Client(CallSettings(), upstream), []
        for failing in ("5xx", "5xx,404"):
            chosen = {**client.settings.model_dump(), "classification": {"failure_status": failing}}
            client.reconfigure(CallSettings.model_validate({**chosen, "breaker": {}}))
            counts.append((await client.call("1"))[0].fail_count)
        return counts

    assert run_virtual(main()) == [0, 1]

"""A user's mistake as sentences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from inputs.check import check
from inputs.model import StrictModel
from inputs.wrong_input import WrongInputError, closest


class Inner(StrictModel):
    count: int = Field(1, ge=1, le=9)
    ratio: float | None = Field(None, gt=0)


class Numbers(StrictModel):
    whole: int = 0
    maybe: Annotated[float, Field(ge=0)] | None = None
    switch: bool = False
    either: bool | int = 0


class Outer(StrictModel):
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = Field(default_factory=dict)
    kind: Literal["a", "b"] = "a"


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        (
            {"inner": {"count": 10}},
            [
                {
                    "field": "inner.count",
                    "value": 10,
                    "detail": "inner.count: got 10; allowed: a whole number >= 1 and <= 9",
                }
            ],
        ),
        (
            {"inner": {"ratio": float("nan")}},
            [{"field": "inner.ratio", "value": "nan", "detail": "inner.ratio: got nan; allowed: a number > 0"}],
        ),
        (
            {"many": [{}, {"count": "x"}]},
            [
                {
                    "field": "many.1.count",
                    "value": "x",
                    "detail": "many.1.count: got 'x'; allowed: a whole number >= 1 and <= 9",
                }
            ],
        ),
        (
            {"by_name": {"k": {"cuont": 1}}},
            [
                {
                    "field": "by_name.k.cuont",
                    "value": 1,
                    "detail": "by_name.k.cuont: unknown key (did you mean 'count'?)",
                }
            ],
        ),
        ({"kind": "c"}, [{"field": "kind", "value": "c", "detail": "kind: got 'c'; input should be 'a' or 'b'"}]),
        (
            {"inner": {"count": [1, 2]}},
            [
                {
                    "field": "inner.count",
                    "value": "[1, 2]",
                    "detail": "inner.count: got [1, 2]; allowed: a whole number >= 1 and <= 9",
                }
            ],
        ),
    ],
    ids=["nested", "not finite", "in a list", "in a mapping", "choice", "not a scalar"],
)
def test_a_problem_names_field_value_and_range(values: dict[str, Any], problems: list[dict[str, Any]]) -> None:
    """Wherever in the model the mistake is."""
    with pytest.raises(WrongInputError) as caught:
        check(values, Outer)

    assert (caught.value.problems, str(caught.value)) == (problems, problems[0]["detail"])


def test_a_long_value_is_cut_in_the_sentence() -> None:
    """The detail stays readable, however much was sent."""
    with pytest.raises(WrongInputError, match=r"^kind: got 'x{79}; input should be 'a' or 'b'$"):
        check({"kind": "x" * 10_000}, Outer)


def test_a_prefix_says_where_the_values_came_from() -> None:
    """Such as the arm of a scenario."""
    with pytest.raises(WrongInputError, match=r"^arms\.with\.inner\.count: got 0; "):
        check({"inner": {"count": 0}}, Outer, prefix="arms.with")


@pytest.mark.parametrize(
    ("word", "said"),
    [("fail_mx", " (did you mean 'fail_max'?)"), ("fail_max", " (did you mean 'fail_max'?)"), ("colour", "")],
)
def test_the_closest_word_is_offered_when_it_is_near(word: str, said: str) -> None:
    """A guess is made only where it helps."""
    assert closest(word, ["fail_max", "reset_timeout"]) == said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"whole": True}, "whole: got True; allowed: a number"),
        ({"maybe": False}, "maybe: got False; allowed: a number >= 0"),
    ],
)
def test_true_is_no_number(values: dict[str, Any], said: str) -> None:
    """Python would take it for 1."""
    with pytest.raises(WrongInputError) as caught:
        check(values, Numbers)

    assert str(caught.value) == said


def test_text_may_be_a_number_and_true_may_be_a_switch() -> None:
    """An environment variable is text; true stays true where it is meant."""
    found = check({"whole": "3", "maybe": "0.5", "switch": True, "either": True}, Numbers)

    assert found == Numbers(whole=3, maybe=0.5, switch=True, either=True)

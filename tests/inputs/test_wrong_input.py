"""A user's mistake as sentences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from inputs import wrong_input
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


def test_many_mistakes_are_counted() -> None:
    """Twenty are told, in the text and one by one; the rest is a number."""
    with pytest.raises(WrongInputError) as caught:
        check({f"key_{number}": 1 for number in range(8_000)}, Outer)

    assert [len(caught.value.problems), caught.value.more] == [20, 7_980]
    assert caught.value.told[-1] == {"field": "", "value": None, "detail": "and 7,980 more"}
    assert str(caught.value).endswith("key_19: unknown key; and 7,980 more")
    assert str(caught.value.said_of("a file")).endswith("a file: key_19: unknown key; and 7,980 more")


def test_the_work_grows_with_the_number_of_mistakes_and_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only those that are told are described, and compared with names: each takes its time."""
    described = []
    monkeypatch.setattr(wrong_input, "_describe_problem", lambda *each: described.append(each) or {"detail": ""})

    with pytest.raises(WrongInputError):
        check({"many": [{"x": 1} for _ in range(2_000)]}, Outer)

    assert len(described) == 20


def test_mistakes_inside_a_wrong_value_stand_for_it() -> None:
    """The innermost are told, whatever their order."""
    with pytest.raises(WrongInputError) as caught:
        check({"inner": {"count": 0, "x": 1}, "by_name": {"a": {"ratio": -1}, "b": {}}}, Outer)

    assert [each["field"] for each in caught.value.problems] == ["inner.count", "inner.x", "by_name.a.ratio"]


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "x" * 10_000},
        {"inner": {"count": ["x" * 10_000]}},
        {"inner": {"count": 10**4000}},
        {"inner": {"count": 16**100_000}},
        {"x" * 10_000: 1},
        {"by_name": {"y" * 10_000: {"x" * 10_000: {"deep": [1] * 10_000}}}},
        {"inner": [1] * 10_000},
    ],
)
def test_no_value_and_no_name_makes_an_answer_long(values: dict[str, Any]) -> None:
    """80 characters of each."""
    with pytest.raises(WrongInputError) as caught:
        check(values, Outer)

    (problem,) = caught.value.problems
    assert len(str(problem["value"])) <= 80
    assert len(problem["field"]) <= 2 * 80 + len("by_name..")
    assert len(problem["detail"]) <= 3 * 80 + 100


def test_a_sentence_that_quotes_too_much_is_cut() -> None:
    """Wherever it was made."""
    error = WrongInputError([{"field": "a", "value": None, "detail": "x" * 10_000}])

    assert str(error) == f"{'x' * 2_000} ..."


def test_a_long_word_is_compared_with_nothing() -> None:
    """It is like no name, and the comparison would take the product of both lengths."""
    assert closest("fail_max" * 1_000, ["fail_max" * 1_000]) == ""

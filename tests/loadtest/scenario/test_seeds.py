"""Seeds as people write them."""

from __future__ import annotations

import pytest

from inputs.wrong_input import WrongInputError
from loadtest.scenario.seeds import parse_seeds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("7", [7]),
        ("0", [0]),
        ("007", [7]),
        ("1-4", [1, 2, 3, 4]),
        ("5-5", [5]),
        ("1,3,5-7", [1, 3, 5, 6, 7]),
        (" 3 , 1 ", [3, 1]),
        ("3,1-4,3", [3, 1, 2, 4]),
        ("999999999999999999", [999_999_999_999_999_999]),
    ],
)
def test_seeds_come_in_the_order_named_and_each_once(text: str, expected: list[int]) -> None:
    """Numbers and ranges may be mixed; a seed named twice is run once."""
    assert parse_seeds(text) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("abc", "abc"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("1-", "1-"),
        ("-", "-"),
        ("1-2-3", "1-2-3"),
        ("5-1", "5-1"),
        ("1,x,3", "x"),
        ("1 - 3", "1 - 3"),
        ("1 2", "1 2"),
        ("1e3", "1e3"),
        ("1000000000000000000", "1000000000000000000"),
        (" , ,", " , ,"),
    ],
)
def test_bad_seeds_are_named_with_what_is_allowed(text: str, part: str) -> None:
    """The sentence quotes the very part that is wrong; a text without a seed is wrong, too."""
    with pytest.raises(WrongInputError) as caught:
        parse_seeds(text)

    detail = f"seeds: got {part!r}; allowed: whole numbers and ranges, such as 7 or 1-20 or 1,3,5-9"
    assert caught.value.problems == [{"field": "seeds", "value": part, "detail": detail}]


@pytest.mark.parametrize(
    ("text", "part"),
    [("0-10000", "0-10000"), ("1-999999999999999999", "1-999999999999999999"), ("1-10000,20000", "20000")],
)
def test_too_many_seeds_are_refused(text: str, part: str) -> None:
    """So many cannot have been meant; 10,000 may be."""
    assert len(parse_seeds("1-10000,7")) == 10_000
    with pytest.raises(WrongInputError) as caught:
        parse_seeds(text)

    detail = f"seeds: got {part!r}; allowed: at most 10,000 seeds"
    assert caught.value.problems == [{"field": "seeds", "value": part, "detail": detail}]

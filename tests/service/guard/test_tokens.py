"""Tokens, and the cookie of a browser that has logged in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.guard.limits import LONGEST_TOKEN, SHORTEST_TOKEN
from service.guard.tokens import Rank, Token, Tokens

TEXT = "owner-0123456789-abcdef"
READ = "reader-0123456789-abcdef"
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=SHORTEST_TOKEN, max_size=LONGEST_TOKEN)


def both(service: str = "client") -> Tokens:
    return Tokens(service, Token(TEXT), Token(READ))


def cookie(tokens: Tokens, rank: Rank) -> str:
    """Return what a browser sends back."""
    return tokens.cookie_for(rank).partition(";")[0]


@given(VISIBLE)
def test_a_token_is_known_and_nothing_near_it(text: str) -> None:
    """Not a part of it, not more of it, not other letters; the scheme's name may be written in any way."""
    token = Token(text)

    assert token.matches(text)
    assert token.matches_header(f"Bearer {text}")
    assert token.matches_header(f"bEARER   {text}")
    for other in (text[:-1], text + "x", text.swapcase() if text.swapcase() != text else "x", "", f" {text}"):
        assert not token.matches(other)
        assert not token.matches_header(f"Bearer {other}") or other.strip() == text


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", TEXT, f"Basic {TEXT}", f"Bearer{TEXT}", f"Bearer {TEXT} x", f"Bearer {TEXT},x"],
)
def test_only_a_bearer_token_counts(header: str | None) -> None:
    """Two headers come between a comma, and are not one token."""
    assert not Token(TEXT).matches_header(header)


@given(st.text(max_size=60))
def test_whatever_is_typed_gets_an_answer(text: str) -> None:
    """Half a surrogate pair, too."""
    assert both().rank_of_typed(text) is Rank.STRANGER
    assert both().rank_of(text, text) is Rank.STRANGER
    assert both().rank_of(None, f"breaker_lab_client={text}") is Rank.STRANGER


@pytest.mark.parametrize(
    "text", ["", " ", "x" * 513, "x" * 15 + " ", "x" * 15 + "\n", "ä" * 20, "x" * 10 + "\x7f" + "x" * 10]
)
def test_a_text_that_is_no_token_is_refused_and_not_repeated(text: str) -> None:
    """1 to 512 visible characters."""
    with pytest.raises(ValueError, match=r"^allowed: 1 to 512 visible ASCII characters without spaces$"):
        Token(text)


def test_a_token_does_not_show_itself() -> None:
    """Neither printed, nor as one of several, nor in what a debugger or a log makes of them."""
    assert repr(Token(TEXT)) == str(Token(TEXT)) == "Token(...)"
    assert TEXT not in repr(both()) + str(vars(both()))


def test_who_may_do_what() -> None:
    """The token everything, the one for reading reading, and nobody else anything."""
    tokens = both()
    headers = [f"Bearer {TEXT}", f"Bearer {READ}", "Bearer x", "", None]

    assert [tokens.rank_of(each, None) for each in headers] == [
        Rank.OWNER,
        Rank.READER,
        Rank.STRANGER,
        Rank.STRANGER,
        Rank.STRANGER,
    ]
    assert [tokens.rank_of_typed(f" {each}\n") for each in (TEXT, READ, "x")] == [
        Rank.OWNER,
        Rank.READER,
        Rank.STRANGER,
    ]


def test_one_token_may_be_both() -> None:
    """Then reading asks for the token, and whoever has it may change, too."""
    tokens = Tokens("client", Token(TEXT), Token(TEXT))

    assert tokens.rank_of(f"Bearer {TEXT}", None) is Rank.OWNER
    assert tokens.rank_of(None, cookie(tokens, Rank.OWNER)) is Rank.OWNER


def test_without_tokens_everybody_may_do_everything() -> None:
    """Whatever they send."""
    assert [Tokens("client").rank_of(each, each) for each in (None, "", "Bearer x")] == [Rank.OWNER] * 3
    assert Tokens("client").rank_of_typed("") is Rank.OWNER


@pytest.mark.parametrize("rank", [Rank.OWNER, Rank.READER])
def test_a_browser_keeps_its_rank_in_a_cookie(rank: Rank) -> None:
    """Scripts do not see it, other sites' pages do not send it, and it holds no token."""
    tokens = both()
    header = tokens.cookie_for(rank)
    name, _, value = cookie(tokens, rank).partition("=")

    assert header.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert (name, len(value)) == ("breaker_lab_client", 64)
    assert TEXT not in header
    assert READ not in header
    assert tokens.rank_of(None, f"other=1; {name}={value}; last") is rank
    assert tokens.rank_of(None, f"{name}=x; {name}={value}") is rank  # a page at another path may add one of its own
    assert tokens.rank_of(None, f'{name}="{value}"') is rank
    assert tokens.rank_of("Bearer x", f"{name}={value}") is Rank.STRANGER  # what is sent on purpose counts


def test_a_cookie_is_for_one_service_and_one_token() -> None:
    """Browsers send it to every port of the host."""
    value = cookie(both(), Rank.OWNER).partition("=")[2]

    assert both("backend").rank_of(None, f"breaker_lab_backend={value}") is Rank.STRANGER
    assert both("backend").rank_of(None, f"breaker_lab_client={value}") is Rank.STRANGER
    assert Tokens("client", Token("x" * 20)).rank_of(None, f"breaker_lab_client={value}") is Rank.STRANGER
    assert both().rank_of(f"Bearer {value}", None) is Rank.STRANGER
    assert both().rank_of_typed(value) is Rank.STRANGER
    assert both().rank_of(None, f"breaker_lab_client={TEXT}") is Rank.STRANGER


def test_logging_out_takes_the_cookie_back() -> None:
    """With the attributes it was set with."""
    forgotten = both().forgotten_cookie()

    assert forgotten == "breaker_lab_client=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
    assert both().rank_of(None, forgotten.partition(";")[0]) is Rank.STRANGER

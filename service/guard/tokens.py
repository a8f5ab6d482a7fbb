"""Who may do what: tokens, and the cookie of a browser that has logged in. Pure; compares in constant time.

A cookie holds no token, but a keyed hash of one, so a token cannot be read out of a browser. Browsers send a cookie to
every port of a host, so each service has its own name for it.
"""

from __future__ import annotations

import hmac
import re
from enum import IntEnum
from hashlib import sha256

from service.guard.limits import LONGEST_TOKEN, SHORTEST_TOKEN

FORMS = f"allowed: {SHORTEST_TOKEN} to {LONGEST_TOKEN} visible ASCII characters without spaces"
_TOKEN = re.compile(rf"[!-~]{{{SHORTEST_TOKEN},{LONGEST_TOKEN}}}")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
# What a hash is for: one that is made for a cookie is worth nothing elsewhere.
_COOKIE_PURPOSE = b"breaker lab: cookie of "
_COMPARE_PURPOSE = b"breaker lab: comparison"


class Rank(IntEnum):
    """What a caller may do; a higher rank may do all that a lower one may."""

    STRANGER = 0
    READER = 1
    OWNER = 2


class Token:
    """One token. Its text appears in no `repr`, and cannot be got out again."""

    __slots__ = ("_compared", "_key")

    def __init__(self, text: str) -> None:
        """Keep the token. Raises ValueError for a text that is none, and does not repeat it."""
        if not _TOKEN.fullmatch(text):
            raise ValueError(FORMS)
        self._key = text.encode()
        self._compared = _hash(self._key, _COMPARE_PURPOSE)

    def __repr__(self) -> str:
        return "Token(...)"

    def matches(self, text: str) -> bool:
        """Return whether `text` is the token. Hashes are compared, so the time says nothing of its length either."""
        return hmac.compare_digest(_hash(text.encode(errors="surrogatepass"), _COMPARE_PURPOSE), self._compared)

    def matches_header(self, authorization: str | None) -> bool:
        """Return whether an Authorization header has the token: `Bearer TOKEN`."""
        found = None if authorization is None else _BEARER.fullmatch(authorization)
        return found is not None and self.matches(found[1])

    def cookie_value(self, service: str) -> str:
        """Return what a browser keeps, for one service: 64 hexadecimal digits."""
        return _hash(self._key, _COOKIE_PURPOSE + service.encode()).hex()


class Tokens:
    """The tokens of one service: `token` for everything, `read_token` for reading alone. Without one, all may all."""

    def __init__(self, service: str, token: Token | None = None, read_token: Token | None = None) -> None:
        self.cookie_name = f"breaker_lab_{service}"
        ranked = ((Rank.OWNER, token), (Rank.READER, read_token))
        self._ranked = tuple((rank, each, each.cookie_value(service)) for rank, each in ranked if each is not None)
        self.guards_change = token is not None
        self.guards_reading = read_token is not None

    def rank_of(self, authorization: str | None, cookies: str | None) -> Rank:
        """Return what the sender of these two headers may do: Authorization decides if it is there, else Cookie."""
        if authorization is not None:
            return self._highest([each.matches_header(authorization) for _, each, _ in self._ranked])
        sent = _values(cookies or "", self.cookie_name)
        return self._highest([_is_among(known.encode(), sent) for _, _, known in self._ranked])

    def rank_of_typed(self, text: str) -> Rank:
        """Return what the token that somebody typed into a form allows; spaces around it do not count."""
        return self._highest([each.matches(text.strip()) for _, each, _ in self._ranked])

    def _highest(self, matches: list[bool]) -> Rank:
        """Return the highest rank whose token matched; all have been compared before, for a time that says nothing."""
        if not self._ranked:
            return Rank.OWNER
        return max(
            (rank for (rank, _, _), fits in zip(self._ranked, matches, strict=True) if fits), default=Rank.STRANGER
        )

    def cookie_for(self, rank: Rank) -> str:
        """Return the Set-Cookie header that keeps a rank until the browser is closed."""
        value = next(known for each, _, known in self._ranked if each is rank)
        return f"{self.cookie_name}={value}; {_ATTRIBUTES}"

    def forgotten_cookie(self) -> str:
        """Return the Set-Cookie header that logs out."""
        return f"{self.cookie_name}=; Max-Age=0; {_ATTRIBUTES}"


# Without Secure: the services speak plain HTTP.
_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict"


def _hash(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, sha256)


def _values(cookies: str, name: str) -> list[bytes]:
    """Return the values that a Cookie header has for a name: several, if another page has set one for its own path."""
    pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
    return [value.strip('" ').encode(errors="surrogatepass") for found, _, value in pairs if found == name]


def _is_among(known: bytes, sent: list[bytes]) -> bool:
    return any(hmac.compare_digest(value, known) for value in sent)

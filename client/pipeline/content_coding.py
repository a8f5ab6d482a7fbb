"""The body of an answer that comes encoded although nobody asked for that: RFC 9110, section 8.4.

By hand, since httpx's decoders take a body that was cut off for a whole one, and have no limit for what comes out.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

# Of zlib's `wbits`: a gzip member, a zlib stream, and a bare deflate stream, which some servers call deflate.
_GZIP, _ZLIB, _BARE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
# So much is decoded in one go.
_PIECE = 65_536


class UnreadableBodyError(Exception):
    """The body cannot be read to its end, or is longer than what is taken; the text says which."""


async def read_coded(chunks: AsyncIterable[bytes], encoding: str, longest: int) -> bytes:
    """Return a whole body, decoded. Holds no more than `longest` bytes of it, and a chunk.

    Raises UnreadableBodyError.
    """
    names = [name for name in (part.strip().lower() for part in encoding.split(",")) if name not in ("", "identity")]
    if not names:
        return await read_plain(chunks, longest)
    if len(names) > 1 or names[0] not in ("gzip", "x-gzip", "deflate"):
        raise UnreadableBodyError(f"its answer is encoded as {encoding!r:.80}, and was asked for as it is")
    decoder = _Decoder(_ZLIB if names[0] == "deflate" else _GZIP, longest)
    async for chunk in chunks:
        decoder.feed(chunk)
    return decoder.end()


def check_transfer_coding(coding: str) -> None:
    """Raise UnreadableBodyError for one beside chunked, which nobody takes off again."""
    if any(name.strip().lower() not in ("", "chunked", "identity") for name in coding.split(",")):
        raise UnreadableBodyError(f"its answer is transferred as {coding!r:.80}, and was asked for as it is")


async def read_plain(chunks: AsyncIterable[bytes], longest: int) -> bytes:
    """Return a body that is as it is. Raises UnreadableBodyError."""
    parts, length = [], 0
    async for chunk in chunks:
        length += len(chunk)
        if length > longest:
            raise _too_long(longest)
        parts.append(chunk)
    return b"".join(parts)


def _too_long(longest: int) -> UnreadableBodyError:
    return UnreadableBodyError(f"its answer has more than {longest:,} bytes")


class _Decoder:
    """Decodes gzip, several members of it in a row too, and deflate."""

    def __init__(self, wbits: int, longest: int) -> None:
        self._wbits = wbits
        self._longest = longest
        self._zlib = zlib.decompressobj(wbits)
        self._start = b""  # of the stream, until it is clear which of the two deflates it is
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> None:
        """Decode some more. Raises UnreadableBodyError."""
        if self._wbits == _ZLIB and len(self._start) < 2:
            data = self._start = self._start + data
            if len(data) < 2:
                return
            self._tell_deflates_apart(data)
        while data:
            if self._zlib.eof:
                self._begin_member()
            data = self._decode_piece(data)

    def end(self) -> bytes:
        """Return what was decoded. Raises UnreadableBodyError where the end is missing."""
        if not self._zlib.eof:
            raise UnreadableBodyError("its encoded answer was cut off")
        return b"".join(self._parts)

    def _tell_deflates_apart(self, start: bytes) -> None:
        """Look whether a stream begins as RFC 1950, section 2.2, has it: else it is a bare one."""
        if start[0] & 15 != zlib.DEFLATED or int.from_bytes(start[:2], "big") % 31:
            self._wbits, self._zlib = _BARE, zlib.decompressobj(_BARE)

    def _begin_member(self) -> None:
        if self._wbits != _GZIP:
            raise UnreadableBodyError("its encoded answer goes on after its end")
        self._zlib = zlib.decompressobj(_GZIP)

    def _decode_piece(self, data: bytes) -> bytes:
        """Decode up to a piece; return what is left to decode."""
        try:
            piece = self._zlib.decompress(data, _PIECE)
        except zlib.error as error:
            raise UnreadableBodyError(f"its encoded answer cannot be decoded ({error})") from error
        self._length += len(piece)
        if self._length > self._longest:
            raise _too_long(self._longest)
        self._parts.append(piece)
        return self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail

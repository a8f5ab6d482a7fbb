"""JSON, TOML and files that strangers write: a value, or a sentence, and soon."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from inputs.files import UnreadableFileError, read_text
from inputs.json_text import read_json
from inputs.shown import show_value
from inputs.toml_text import read_toml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEEP = "nested too deeply; allowed: at most 50 levels of brackets"
BEYOND = "not TOML: a number is too long, or brackets are nested too deeply"


def nested(depth: int, opening: str = "[", inside: str = "1", closing: str = "]") -> str:
    return opening * depth + inside + closing * depth


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (nested(51), DEEP),
        (nested(957), DEEP),
        (nested(51, '{"a":', "1", "}"), DEEP),
        ("[" * 100_000, DEEP),
        ("9" * 5000, "not JSON: a whole number has more than 4,300 digits"),
        ("{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"\xff", "not JSON: not a text in UTF-8"),
        ("[1, 2, 3]", "too many values; allowed: at most 3"),
    ],
)
def test_json_beyond_the_limits_is_told(text: str | bytes, said: str) -> None:
    """A sentence; never the error of a parser, or of Python's stack."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_json(text, 3 if text == "[1, 2, 3]" else None)

    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("text", "value"), [(b'\xef\xbb\xbf{"a": 1}', {"a": 1}), (nested(50), read_json(nested(50))), ("1e400", 1e400)]
)
def test_other_json_is_read(text: str | bytes, value: Any) -> None:
    """Up to the limits; with a byte order mark, too."""
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (".".join(["a"] * 5_000) + " = 1", DEEP),
        (" . ".join(["a"] * 100_000) + " = 1", DEEP),
        (".".join(['"a"'] * 100_000) + " = 1", DEEP),
        (".".join(["'a'"] * 100_000) + " = 1", DEEP),
        ("[" + ".".join(["a"] * 100_000) + "]", DEEP),
        ("x = {" + ".".join(["a"] * 100_000) + " = 1}", DEEP),
        ("[" + ".".join(["a"] * 40) + "]\n" + ".".join(["a"] * 40) + " = 1", DEEP),
        ("a = " + nested(51), DEEP),
        ("a = " + nested(100, "{a = ", "1", "}"), DEEP),
        ("a = " + "[" * 100_000, BEYOND),
        ("a = " + "9" * 5000, BEYOND),
        ('a = """' + '\\"""' * 100_000, None),
        ("a = 'x", None),
        ('a = "' + "x" * 100_000, None),
        ("=" * 100_000, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_toml_beyond_the_limits_is_told(text: str, said: str | None) -> None:
    """At once: tomllib itself takes minutes for a key of 50,000 parts."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_toml(text)

    assert str(caught.value) == said or (said is None and str(caught.value).startswith("not TOML: "))


@pytest.mark.parametrize("quotes", ['"{}"', "'{}'", '"""{}"""', "'''{}'''"])
def test_dots_inside_a_text_are_no_key(quotes: str) -> None:
    """Nor those of a comment."""
    dots = ".".join(["a"] * 1000)

    assert read_toml(f"x = {quotes.format(dots)}  # {dots}\ny.z = 1.5") == {"x": dots, "y": {"z": 1.5}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x" * 10_000, "'" + "x" * 79),
        ([[1, 2], {"a": None}], "[[1, 2], {'a': None}]"),
        ({"a": "x" * 10_000}, "{'a': '" + "x" * 73),
        (10**100, str(10**100)[:80]),
        (16**100_000, "0x1" + "0" * 77),
        (float("inf"), "inf"),
        (True, "True"),
    ],
    ids=["text", "list", "object", "whole number", "longer than Python writes", "infinite", "true"],
)
def test_a_value_is_shown_by_its_beginning(value: Any, text: str) -> None:
    """As Python writes it, cut to 80 characters."""
    assert show_value(value) == text


def test_a_value_of_any_depth_is_shown() -> None:
    """Where repr() would exhaust the stack."""
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    shown = show_value(value)
    while isinstance(value, list):  # piece by piece: freeing it at once would exhaust the stack, too
        value = value[0]

    assert shown == "[" * 80


def _make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_bytes(b"12345"), "too long; allowed: at most 4 bytes"),
        (lambda path: path.write_bytes(b"\xff"), "not a text file in UTF-8"),
        (lambda path: path.mkdir(), "Is a directory"),
        (_make_pipe, "not a regular file; save its content to one"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file; save its content to one"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda _: None, "No such file or directory"),
    ],
)
def test_what_is_no_file_to_read_is_told(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    """Without waiting for a writer, or for an end that never comes."""
    path = tmp_path / "file"
    make(path)

    with pytest.raises(UnreadableFileError) as caught:
        read_text(path, 4)

    assert str(caught.value) == said


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    """Without its byte order mark."""
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfx")

    assert read_text(tmp_path / "file", 4) == "x"

"""The settings of hosts and tokens, and a service that strangers could reach."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.settings import BackendSettings
from client.settings import ClientSettings
from inputs.environment import from_environment
from inputs.wrong_input import WrongInputError
from loadtest.settings import LoadtestSettings
from service.guard.settings import check_exposure, tokens_of
from service.guard.tokens import Rank

ROOT = Path(__file__).parents[3]
KINDS = {"CLIENT_": ClientSettings, "BACKEND_": BackendSettings, "LOADTEST_": LoadtestSettings}
TOKEN = "owner-0123456789-abcdef"
READ = "reader-0123456789-abcdef"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(tuple(KINDS)):
            monkeypatch.delenv(name)


def read(monkeypatch: pytest.MonkeyPatch, prefix: str, **values: str) -> Any:
    for name, value in values.items():
        monkeypatch.setenv(prefix + name, value)
    return from_environment(KINDS[prefix])


@pytest.mark.parametrize("prefix", KINDS)
def test_a_token_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    """Not in the settings' text, not in what GET /config makes of them."""
    settings = read(monkeypatch, prefix, TOKEN=TOKEN, READ_TOKEN=READ)

    assert tokens_of(settings, "any").rank_of_typed(TOKEN) is Rank.OWNER
    assert tokens_of(settings, "any").rank_of_typed(READ) is Rank.READER
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {vars(settings)}"
    assert TOKEN not in shown
    assert READ not in shown
    assert {"token", "read_token"} & settings.model_dump().keys() == set()


SECRET = "hunter2"
BAD_TOKENS = ["", " ", f"{SECRET} with spaces in it", SECRET * 80, f"{SECRET}äöüß{SECRET}", f"{SECRET * 3}\n"]


@pytest.mark.parametrize("prefix", KINDS)
@pytest.mark.parametrize("value", BAD_TOKENS, ids=lambda value: f"{len(value)} characters")
def test_a_bad_token_is_an_error_that_does_not_repeat_it(
    monkeypatch: pytest.MonkeyPatch, prefix: str, value: str
) -> None:
    """An empty one, too: a variable that was not filled is no wish to do without."""
    for name in ("TOKEN", "READ_TOKEN"):
        with pytest.raises(WrongInputError) as caught:
            read(monkeypatch, prefix, **{"TOKEN": TOKEN, name: value})

        detail = f"{prefix}{name}: allowed: 1 to 512 visible ASCII characters without spaces"
        assert caught.value.problems == [{"field": prefix + name, "value": None, "detail": detail}]
        assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
        monkeypatch.delenv(prefix + name)


def test_a_bad_token_for_the_backend_is_not_repeated_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own variable for it."""
    with pytest.raises(WrongInputError) as caught:
        read(monkeypatch, "CLIENT_", BACKEND_TOKEN=f"{SECRET} x")

    assert caught.value.problems[0]["value"] is None
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("prefix", KINDS)
def test_a_token_for_reading_alone_guards_changes_too(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    """Else who may not look could still change everything."""
    settings = read(monkeypatch, prefix, READ_TOKEN=READ)
    tokens = tokens_of(settings, "client")

    assert (tokens.guards_change, tokens.guards_reading) == (True, True)
    assert [tokens.rank_of(header, None) for header in (f"Bearer {READ}", None)] == [Rank.OWNER, Rank.STRANGER]
    check_exposure("0.0.0.0", settings, prefix)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("client", ("client",)),
        ("Client, *.Example.org ,client", ("client", "*.example.org")),
        ('["client", "backend"]', ("client", "backend")),
        ("[::1]", ("::1",)),
        ("*", ("*",)),
    ],
)
def test_hosts_are_a_list(monkeypatch: pytest.MonkeyPatch, text: str, names: tuple[str, ...]) -> None:
    """Between commas, or as JSON."""
    assert read(monkeypatch, "CLIENT_", ALLOWED_HOSTS=text).allowed_hosts == names


@pytest.mark.parametrize("text", ["lab:8000", "http://lab", '["lab", 1]', "[" * 5000, "a b", "ä"])
def test_what_is_no_list_of_hosts_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """With the variable and what is allowed."""
    with pytest.raises(WrongInputError, match=r"^CLIENT_ALLOWED_HOSTS: got .*; allowed: names and addresses without"):
        read(monkeypatch, "CLIENT_", ALLOWED_HOSTS=text)


def test_hosts_are_not_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred are enough."""
    many = [f"h{number}" for number in range(101)]

    assert len(read(monkeypatch, "CLIENT_", ALLOWED_HOSTS=",".join(many[1:])).allowed_hosts) == 100
    with pytest.raises(WrongInputError, match=r"; allowed: at most 100 names$"):
        read(monkeypatch, "CLIENT_", ALLOWED_HOSTS=",".join(many))


@pytest.mark.parametrize(
    ("text", "insecure"),
    [("yes", True), ("no", False), ("true", True), ("False", False), ("1", True), ("0", False)],
)
def test_insecure_is_yes_or_no(monkeypatch: pytest.MonkeyPatch, text: str, *, insecure: bool) -> None:
    """In the usual words."""
    assert read(monkeypatch, "CLIENT_", INSECURE=text).insecure is insecure


@pytest.mark.parametrize("text", ["", "maybe", "2", "yes please"])
def test_anything_else_is_neither(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """And is said."""
    said = f"^CLIENT_INSECURE: got {text!r}; allowed: yes or no, true or false, 1 or 0$"
    with pytest.raises(WrongInputError, match=said):
        read(monkeypatch, "CLIENT_", INSECURE=text)


LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
OUTER = ["0.0.0.0", "::", "10.0.0.1", "192.168.1.5", "::ffff:0.0.0.0", "::ffff:10.0.0.1", "fe80::1%eth0", "2001:db8::1"]


@pytest.mark.parametrize("address", [*LOOPBACK, *OUTER])
def test_beyond_loopback_a_token_is_needed_or_a_clear_word(address: str) -> None:
    """An address of IPv4 may be written as one of IPv6."""
    plain = BackendSettings()
    if address in LOOPBACK:
        check_exposure(address, plain, "BACKEND_")
    else:
        with pytest.raises(WrongInputError) as caught:
            check_exposure(address, plain, "BACKEND_")
        assert str(caught.value) == (
            f"BACKEND_TOKEN: missing; bound to {address}, the service can be reached from other machines: set "
            "BACKEND_TOKEN, or BACKEND_INSECURE=yes if everybody there may change everything"
        )
    check_exposure(address, BackendSettings.model_validate({"token": TOKEN}), "BACKEND_")
    check_exposure(address, BackendSettings(insecure=True), "BACKEND_")


@pytest.mark.parametrize(("module", "host"), [("client", "0.0.0.0"), ("client", "0"), ("backend", "::")])
def test_a_service_does_not_start_where_strangers_reach_it(module: str, host: str) -> None:
    """Exit code 2 and one sentence; a name is judged by the address it stands for."""
    prefix = f"{module.upper()}_"
    done = start(module, **{f"{prefix}HOST": host, f"{prefix}PORT": "0"})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{module}: {prefix}TOKEN: missing; bound to ")
    assert done.stderr.count("\n") == 1
    assert f"{prefix}INSECURE=yes" in done.stderr


@pytest.mark.parametrize(
    "variables",
    [{"CLIENT_TOKEN": f"{SECRET} "}, {"CLIENT_READ_TOKEN": SECRET * 80}],
    ids=str,
)
def test_a_service_does_not_start_with_a_bad_token(variables: dict[str, str]) -> None:
    """Exit code 2, and what was wrong is not on the screen."""
    done = start("client", CLIENT_PORT="0", **variables)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"client: {next(iter(variables))}: ")
    assert SECRET not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "*"])
def test_the_web_ui_does_not_start_where_strangers_reach_it(host: str, tmp_path: Path) -> None:
    """Before any service is started; for Locust, a star is every address."""
    done = start("loadtest", "ui", "--out", str(tmp_path), LOADTEST_UI_HOST=host, LOADTEST_UI_PORT=free_port())

    assert (done.returncode, done.stdout) == (2, "")
    assert "LOADTEST_TOKEN: missing; bound to " in done.stderr.replace("\n", " ")
    assert "LOADTEST_INSECURE=yes" in done.stderr.replace("\n", " ")


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def start(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

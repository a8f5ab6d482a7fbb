"""How an attack is run, judged and told."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from bench.attack import command, running, table, targets, watching
from bench.attack.ground import Attack, AttackTally, Effort, Ground, SkippedAttackError
from bench.attack.running import AttackResult, limit_from, run_attack, time_limit
from bench.attack.watching import Seen
from bench.attack.wire import is_whole, read_response
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def run(work: Callable[[Ground], None], folder: Path, deadline_s: float = 5.0) -> AttackResult:
    """Run a made-up attack."""
    return run_attack(Attack("made-up", "something", work, deadline_s), folder, Effort(), 0.25)


def test_what_holds_is_held(tmp_path: Path) -> None:
    """Each trial counts."""
    result = run(lambda ground: [ground.tally.check(True, "") for _ in range(3)] and None, tmp_path)

    assert (result.verdict, result.tried, result.broken, result.told) == ("held", 3, 0, ())


def test_what_breaks_is_told_once_and_counted_each_time(tmp_path: Path) -> None:
    """On one line, and no more of it than fits."""

    def work(ground: Ground) -> None:
        for _ in range(4):
            ground.tally.check(held=False, otherwise="answered\n\n500 " + "x" * 1_000)

    result = run(work, tmp_path)
    assert (result.verdict, result.tried, result.broken) == ("broken", 4, 4)
    assert [text[:14] for text in result.told] == ["answered 500 x"]
    assert len(result.told[0]) == 300


def test_what_cannot_run_is_skipped_and_never_held(tmp_path: Path) -> None:
    """The reason is told."""

    def work(ground: Ground) -> None:
        ground.tally.check(True, "")
        raise SkippedAttackError("needs root")

    assert (run(work, tmp_path).verdict, run(work, tmp_path).skipped) == ("skipped", "needs root")


def test_an_attack_without_end_is_broken(tmp_path: Path) -> None:
    """Whatever it waits for, and whatever it catches."""

    def work(_: Ground) -> None:
        while True:
            with suppress(Exception):
                time.monotonic()

    result = run(work, tmp_path, 0.05)
    assert (result.verdict, result.told) == ("broken", ("no end within 0.05 s",))


def test_a_service_that_does_not_start_is_broken(tmp_path: Path) -> None:
    """Its last words are told."""

    def work(_: Ground) -> None:
        raise ChildError("the client did not start: CLIENT_TOKEN: no such setting")

    assert run(work, tmp_path).told == ("the client did not start: CLIENT_TOKEN: no such setting",)


def test_the_time_limit_ends_with_its_context() -> None:
    """Nothing is interrupted later."""
    with time_limit(0.05):
        pass
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (Seen(10, 0.24, ""), []),
        (Seen(10, 0.26, ""), ["GET /data took 0.26 s meanwhile; at most 0.25 s"]),
        (Seen(10, 0.1, "answered 500"), ["GET /data meanwhile: answered 500"]),
    ],
)
def test_the_longest_data_counts(seen: Seen, told: list[str], tmp_path: Path) -> None:
    """Against the limit, and only with answers that a healthy service gives."""
    ground = Ground(tmp_path, Effort(), AttackTally(), 0.25)
    ground.judge(seen)

    assert (list(ground.tally.told), ground.tally.longest_data_s) == (told, seen.longest_s)


def test_the_limit_grows_with_a_slow_machine() -> None:
    """A quarter of a second, or twenty times the undisturbed one."""
    assert (limit_from(0.004), limit_from(0.1)) == (0.25, 2.0)


def test_a_service_that_does_not_end_or_leaves_a_traceback_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are looked at after every attack."""

    class Stuck:
        name, url = "client", "http://127.0.0.1:1"

        def ask(self, *_: Any, **__: Any) -> Any:
            return read_made_up()

        def end(self, _: float) -> None:
            return None

    class Unhealthy:
        status = 0

        def told(self) -> str:
            return "no answer"

    def read_made_up() -> Unhealthy:
        return Unhealthy()

    @contextmanager
    def start_pair(log: Path, _: int | None, **__: str) -> Iterator[list[Stuck]]:
        log.write_text("x\nTraceback (most recent call last):\n  File\nValueError: of course\n", encoding="utf-8")
        yield [Stuck()]

    monkeypatch.setattr(targets, "start_pair", start_pair)
    ground = Ground(tmp_path, Effort(), AttackTally(), 0.25)
    with ground.services(watched=""):
        pass

    assert list(ground.tally.told) == [
        "client: GET /health afterwards: no answer",
        "client: not gone 5 s after SIGTERM",
        "a traceback in a log: ValueError: of course",
    ]


RESULTS = [
    AttackResult("values", "bad values", 100, 0, 0.0123, (), 2.0),
    AttackResult("pages", "scripts", 10, 3, None, ("shows <script>", "b|c"), 2.0),
    AttackResult("disk", "full", 0, 0, None, (), 0.0, "needs root"),
]


def test_the_table_tells_what_broke_first(tmp_path: Path) -> None:
    """Nothing that a service has said becomes markup."""
    text = table.write(tmp_path / "now", RESULTS, 0.004, 0.25, seed=7, quick=True)

    assert text.splitlines()[4:9] == [
        "| attack |  | tried | held | broken | longest `GET /data` | what broke first |",
        "|---|---|---|---|---|---|---|",
        "| values | held | 100 | 100 | 0 | 12 ms |  |",
        "| pages | **broken** | 10 | 7 | 3 |  | shows \\<script\\> |",
        "| disk | skipped | 0 | 0 | 0 |  | skipped: needs root |",
    ]
    assert "- b\\|c" in text
    found = json.loads((tmp_path / "now" / "attack.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["verdict"], each["held"]) for each in found["attacks"]] == [
        ("values", "held", 100),
        ("pages", "broken", 7),
        ("disk", "skipped", 0),
    ]
    assert (found["seed"], found["quick"], found["limit_data_s"]) == (7, True, 0.25)
    assert (tmp_path / "now" / "attack.md").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("results", "code"), [(RESULTS[:1], 0), (RESULTS, 1), ([RESULTS[2]], 0), ([RESULTS[0], RESULTS[2]], 0)]
)
def test_the_exit_code_says_whether_all_held(
    results: list[AttackResult],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was skipped breaks nothing, and is not told as held."""
    left = iter(results)
    monkeypatch.setattr(running, "measure_undisturbed", lambda *_, **__: 0.004)
    monkeypatch.setattr(running, "run_attack", lambda *_: next(left))
    names = [word for each in results for word in ("--only", each.name)]
    monkeypatch.setattr(command, "_raise_file_limit", lambda: None)

    assert command.main([*names, "--out", str(tmp_path)]) == code
    assert f"in {tmp_path}" in capsys.readouterr().out


def test_ctrl_c_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so."""

    def interrupt(*_: Any, **__: Any) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "measure_undisturbed", interrupt)
    monkeypatch.setattr(command, "_raise_file_limit", lambda: None)

    assert command.main(["--out", str(tmp_path)]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--only", "x"], ["--seed", "-1"], ["--seed", "x"], ["--out", "pyproject.toml"]])
def test_a_wrong_argument_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, before anything is attacked."""
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)

    assert ended.value.code == 2
    assert "attack: error: argument" in capsys.readouterr().err


def test_the_list_names_each(capsys: pytest.CaptureFixture[str]) -> None:
    """A line each."""
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [each.name for each in command.ATTACKS]


@pytest.mark.parametrize(
    ("got", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"", False),
    ],
)
def test_the_end_of_an_answer_is_found(got: bytes, *, whole: bool) -> None:
    """By its length or its chunks; otherwise it lasts until the connection closes."""
    assert is_whole(got) is whole


def test_whatever_comes_back_is_read() -> None:
    """What is no answer has the status 0."""
    assert read_response(b"HTTP/1.1 413 Too Large\r\nX-A: b\r\nContent-Length: 9\r\n\r\nshort") == (
        413,
        {"x-a": "b", "content-length": "9"},
        b"short",
    )
    for raw in (b"", b"\x15\x03\x01", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200"):
        assert read_response(raw)[2] == b""


def test_a_watch_says_what_its_process_saw() -> None:
    """As JSON, once it is stopped."""

    class Done:
        def communicate(self, **_: Any) -> tuple[bytes, None]:
            return b'{"asked": 3, "longest_s": 1.5, "trouble": "answered 500"}', None

    made_up: Any = Done()
    assert watching.Watch(made_up).seen() == Seen(3, 1.5, "answered 500")

"""Traces as people export them: what is read, what is left out by name, and what ends with one clear sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from inputs.wrong_input import WrongInputError
from loadtest.studies.tune.access_log import AccessLog, read
from loadtest.studies.tune.statuses import ASIDE, ERROR, OK, TIMEOUT

if TYPE_CHECKING:
    from pathlib import Path

    from loadtest.studies.tune.durations import Unit

HEAD = "time,status,duration\n"


def log_in(
    tmp_path: Path,
    text: str | bytes,
    name: str = "t.csv",
    bad_share: float = 0.05,
    *,
    ends: bool = False,
    unit: Unit | None = None,
) -> AccessLog:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, bad_share, ends=ends, unit=unit)


def sentence(tmp_path: Path, text: str | bytes, bad_share: float = 0.05) -> str:
    with pytest.raises(WrongInputError) as caught:
        log_in(tmp_path, text, bad_share=bad_share)
    assert len(caught.value.problems) == 1
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    "text",
    [
        "time,status,duration\n10,200,0.1\n12.5,503,0.2\n13,timeout,2\n",
        "\ufefftime,status,duration\r\n10,200,0.1\r\n12.5,503,0.2\r\n13,timeout,2\r\n",
        'Time;Status;Duration\n"10";"ok";"0.1"\n12.5;error;.2\n\n13;504;2e0\n',
        "host\tduration_ms\ttimestamp\tcode\na\t100\t10\t302\nb\t200\t12.5\t500\nc\t2000\t13\t504\n",
        "time_ms,outcome,latency_s\n10000,ok,0.1\n12500,Error,0.2\n13000,TIMEOUT,2\n",
        (
            '{"ts": 10, "status": 304, "request_time": 0.1}\n{"ts": 12.5, "status": "0", "request_time": "0.2"}\n'
            '{"ts": "13", "status": 524, "request_time": 2}\n'
        ),
        (
            '{"time": "2024-05-17T12:00:00Z", "status": "ok", "duration": 0.1, "path": "/a"}\n'
            '{"time": "2024-05-17T14:00:02.5+02:00", "status": 599, "duration": 0.2}\n'
            '{"duration": 2, "time": "2024-05-17 12:00:03+00:00", "status": "timeout"}'
        ),
        "time,status,duration\n2024-05-17T12:00:00,ok,0.1\n2024-05-17T12:00:02.500,-,0.2\n2024-05-17T12:00:03,504,2\n",
    ],
    ids=["plain", "bom-crlf", "quoted", "tabs", "milliseconds", "json", "zones", "no-zone"],
)
def test_the_same_three_requests(tmp_path: Path, text: str) -> None:
    """However they are written: seconds from the first, what became of them, how long they took."""
    found = log_in(tmp_path, text)

    assert found.start_s.tolist() == pytest.approx([0, 2.5, 3])
    assert found.outcome.tolist() == [OK, ERROR, TIMEOUT]
    assert found.duration_s.tolist() == pytest.approx([0.1, 0.2, 2])
    assert (found.lines, found.bad) == (3, 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,200,0.1", "time: got 'x'; allowed: seconds or ISO 8601"),
        ("nan,200,0.1", "time: got 'nan'"),
        ("-1,200,0.1", "time: got '-1'; allowed: seconds >= 0, or ISO 8601"),
        ("1,200", "got 2 cells; allowed: 3"),
        ("1,200,0.1,4", "got 4 cells; allowed: 3"),
        ('1,"200,0.1', "not CSV"),
        ("1,99,0.1", "status: got '99'; allowed: an HTTP code, a code of gRPC, or ok, error, timeout"),
        ("1,600,0.1", "status: got '600'"),
        ("1,,0.1", "status: got ''"),
        ("1,200,-0.1", "duration: got '-0.1'; allowed: seconds, 0 to 3600"),
        ("1,200,inf", "duration: got 'inf'"),
        ("1,200,3601", "duration: got '3601'"),
        ("1,5,0.1", "status: got '5'"),
        ("1,200,\ufffd", "duration: got"),
        ("9" * 70_000, "got 1 cells; allowed: 3"),
    ],
)
def test_a_bad_line_is_counted_and_named(tmp_path: Path, line: str, said: str) -> None:
    """It is left out; the others are read as if it were not there."""
    found = log_in(tmp_path, f"{HEAD}0,200,0.1\n{line}\n2,200,0.1\n", bad_share=0.5)

    assert found.start_s.tolist() == [0, 2]
    assert (found.lines, found.bad) == (3, 1)
    assert found.bad_named[0].startswith("line 3: ")
    assert said in found.bad_named[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("3", "not a JSON object"),
        ('{"time": 1, "duration": 0.1}', "status: missing"),
        ('{"time": true, "status": 200, "duration": 1}', "time: got True"),
        ('{"time": null, "status": 200, "duration": 1}', "time: got None"),
        ('{"time": 1, "status": true, "duration": 1}', "status: got True"),
        ('{"time": 1, "status": 200, "duration": [1]}', "duration: got [1]"),
        ('{"time": 1e999, "status": 200, "duration": 1}', "time: got inf"),
        ("[" * 50_000, "not JSON"),
    ],
)
def test_a_bad_line_of_json(tmp_path: Path, line: str, said: str) -> None:
    good = '{"time": 0, "status": 200, "duration": 0.1}\n'
    found = log_in(tmp_path, f"{good}{line}\n{good}", bad_share=0.5)

    assert (found.lines, found.bad, len(found.start_s)) == (3, 1, 2)
    assert said in found.bad_named[0]


def test_too_many_bad_lines(tmp_path: Path) -> None:
    """Over the share that may be bad it is no access log; the sentence has the count and the first of them."""
    text = HEAD + "".join(f"{second},{'ok' if second % 10 else 'so-so'},0.1\n" for second in range(100))

    assert log_in(tmp_path, text, bad_share=0.1).bad == 10
    said = sentence(tmp_path, text)
    assert "10 of 100 lines (10 %) cannot be read; allowed: at most 5 % (--bad-share)" in said
    assert "line 2: status: got 'so-so'" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n\n  \n", "is empty"),
        (HEAD, "has a header but no requests"),
        ("a,b,c\n1,2,3\n", "time: no such column in the header"),
        ("tme,status,duration\n1,200,1\n", "did you mean 'time'?"),
        ("time,ts,status,duration\n1,1,200,1\n", "time: got 2 columns"),
        (
            "time,status,duration\n2024-05-17T12:00:00Z,200,1\n2024-05-17T12:00:01,200,1\n",
            "line 3: got time '2024-05-17T12:00:01', a time without a zone, but line 2 has a time with a zone",
        ),
        ("time,status,duration\n5,200,1\n2024-05-17T12:00:01,200,1\n", "without a zone, but line 2 has a number"),
        ("time,status,duration\n1715947200000,200,1\n", "name it time_ms"),
        ("time,status,duration\n0,200,1\n700000,200,1\n", "spans 8.1 days; allowed: at most 7"),
        (b"PK\x03\x04\0\0\0", "not a text file in UTF-8"),
        ("time,status,duration\n1,200,1\n".encode("utf-16"), "not a text file in UTF-8"),
        ('{"time": 1, "status"', "begins like JSON but is not valid"),
    ],
)  # fmt: skip
def test_what_is_no_access_log(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in sentence(tmp_path, text)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, said in ((tmp_path, "Is a directory"), (tmp_path / "none.csv", "No such file")):
        with pytest.raises(WrongInputError, match=said):
            read(path)


def test_times_at_which_requests_ended(tmp_path: Path) -> None:
    """Their starts are earlier by their durations, and may come in another order."""
    found = log_in(tmp_path, f"{HEAD}10,ok,0.5\n11,timeout,3\n", ends=True)

    assert found.start_s.tolist() == [0, 1.5]
    assert found.outcome.tolist() == [TIMEOUT, OK]


def test_a_part_of_an_access_log(tmp_path: Path) -> None:
    found = log_in(tmp_path, HEAD + "".join(f"{second},ok,0.1\n" for second in range(10))).between(4, 7)

    assert np.array_equal(found.start_s, [0, 1, 2])


def test_one_time_far_off_is_a_bad_line(tmp_path: Path) -> None:
    """Where others were fine it is not the unit of the column that is wrong."""
    found = log_in(tmp_path, HEAD + "10,200,0.1\n1e300,200,0.1\n12,200,0.1\n", bad_share=0.5)
    assert found.start_s.tolist() == [0, 2]
    assert found.bad_named == ("line 3: time: got '1e300'; allowed: seconds or ISO 8601",)


def lines_of(status: str, *, took: str = "0.1", count: int = 1) -> str:
    return "".join(f"{second},{status},{took}\n" for second in range(count))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, OK) for status in ("200", "204", "301", "304", "ok", "success")),
        *((status, ASIDE) for status in ("400", "404", "408", "429", "460", "499", "cancelled", "NOT_FOUND")),
        *((status, ERROR) for status in ("500", "503", "error", "-", "000", "UNAVAILABLE", "Internal")),
        *((status, TIMEOUT) for status in ("504", "524", "timeout", "DEADLINE_EXCEEDED", "DeadlineExceeded")),
    ],
)
def test_a_status_is_read_as_the_client_reads_it(tmp_path: Path, status: str, outcome: int) -> None:
    """5xx and no answer fail; 4xx says nothing, whoever left or asked for what is not there; 3xx is an answer."""
    found = log_in(tmp_path, f"{HEAD}0,200,0.1\n1,{status},0.1\n")

    assert found.outcome.tolist() == [OK, outcome]
    assert found.redirects is not None
    assert found.redirects.tolist() == [False, status.startswith("3")]


def test_codes_of_grpc(tmp_path: Path) -> None:
    """0 is success where no HTTP status stands in the log; what is the caller's own says nothing of the backend."""
    found = log_in(tmp_path, HEAD + "".join(f"{code},{code},0.1\n" for code in range(17)))
    by_outcome = {outcome: np.flatnonzero(found.outcome == outcome).tolist() for outcome in (OK, ERROR, TIMEOUT, ASIDE)}

    assert by_outcome == {OK: [0], ERROR: [2, 13, 14, 15], TIMEOUT: [4], ASIDE: [1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 16]}
    assert found.reading.grpc
    assert log_in(tmp_path, f"{HEAD}0,0,0.1\n1,0,0.1\n").outcome.tolist() == [OK, OK]
    assert log_in(tmp_path, f"{HEAD}0,0,0.1\n1,ok,0.1\n").outcome.tolist() == [ERROR, OK]
    assert log_in(tmp_path, "time,grpc_status,duration\n0,0,0.1\n1,14,0.1\n").outcome.tolist() == [OK, ERROR]


@pytest.mark.parametrize("took", ["", "-", "nan", "NaN", "null", "-1"])
def test_what_has_no_duration_counts_all_the_same(tmp_path: Path, took: str) -> None:
    """A refused connection has none, nor has what a proxy gave up; others of its kind say how long it took."""
    found = log_in(tmp_path, f"{HEAD}0,200,0.1\n1,503,{took}\n2,503,0.4\n3,timeout,{took}\n4,200,{took}\n")

    assert found.outcome.tolist() == [OK, ERROR, ERROR, TIMEOUT, OK]
    assert found.duration_s.tolist() == [0.1, 0.4, 0.4, 0.4, 0.1]
    assert (found.bad, found.without_duration) == (0, 3)


def test_json_lines_without_a_duration(tmp_path: Path) -> None:
    """Even where the first one has none."""
    found = log_in(
        tmp_path,
        '{"time": 0, "status": 503}\n{"time": 1, "status": 503, "duration": null}\n'
        '{"time": 2, "status": 200, "duration": 0.2}\n{"time": 3, "status": 503, "duration": NaN}\n',
    )

    assert found.outcome.tolist() == [ERROR, ERROR, OK, ERROR]
    assert found.duration_s.tolist() == [0.2] * 4


@pytest.mark.parametrize(
    ("took", "unit", "seconds"), [("200", "ms", 0.2), ("200000", "us", 0.2), ("200000000", "ns", 0.2)]
)
def test_whole_numbers_are_no_seconds(tmp_path: Path, took: str, unit: Unit, seconds: float) -> None:
    """Nobody waits for 200 s as a rule: a plain `duration` of whole numbers is in a smaller unit, and that is said."""
    found = log_in(tmp_path, HEAD + lines_of("200", took=took, count=30))

    assert found.duration_s.tolist() == pytest.approx([seconds] * 30)
    assert found.reading.unit.unit == unit
    assert found.reading.unit.why == f"whole numbers with a median of {int(took):,}"


@pytest.mark.parametrize("took", ["5", "1", "213.7", "3000"])
def test_durations_of_which_nobody_can_tell_the_unit(tmp_path: Path, took: str) -> None:
    """5 ms or 5 s, 213.7 ms or as many seconds, 3,000 us or ms: asked for, by the option that says it."""
    text = HEAD + lines_of("200", took=took, count=30)

    assert "or --duration-is s|ms|us|ns" in sentence(tmp_path, text)
    assert log_in(tmp_path, text, unit="ms").duration_s[0] == pytest.approx(float(took) / 1000)
    assert log_in(tmp_path, text, unit="s").duration_s[0] == float(took)
    named = text.replace("duration", "duration_s", 1)
    assert log_in(tmp_path, named).duration_s[0] == float(took)


@pytest.mark.parametrize(
    ("rows", "lines_by", "ends"),
    [
        ([(1, 0.1), (2, 0.1), (0, 3), (4, 0.1), (3, 2)], "end", False),
        ([(3, 3), (1.2, 0.2), (2.2, 0.2), (5, 2), (4.2, 0.2)], "start", True),
        ([(4, 0.1), (3, 2), (2, 0.1), (1, 0.1), (0, 3)], "none", False),
    ],
    ids=["lines by end", "times of ends, lines by start", "newest first"],
)
def test_lines_in_any_order(tmp_path: Path, rows: list[tuple[float, float]], lines_by: str, ends: bool) -> None:
    """They are sorted by the start of the request, and what was out of place is counted."""
    found = log_in(tmp_path, HEAD + "".join(f"{time},200,{took}\n" for time, took in rows))

    assert found.start_s.tolist() == pytest.approx([0, 1, 2, 3, 4])
    assert found.duration_s.tolist() == ([3, 0.2, 0.2, 2, 0.2] if ends else [3, 0.1, 0.1, 2, 0.1])
    assert (found.reading.lines_by, found.reading.ends) == (lines_by, ends)
    assert found.reading.stray == {"end": 2, "start": 3, "none": 4}[lines_by]
    assert found.bad == 0


def test_a_column_that_is_named_for_ends(tmp_path: Path) -> None:
    found = log_in(tmp_path, "end_time,status,duration\n10,ok,0.5\n11,timeout,3\n")

    assert found.start_s.tolist() == [0, 1.5]
    assert found.reading.ends


def test_times_in_whole_seconds(tmp_path: Path) -> None:
    """The requests of a second did not all come at once: they are spread over it."""
    found = log_in(tmp_path, f"{HEAD}5,200,0.1\n5,200,0.2\n6,200,0.1\n6,200,0.2\n6,200,0.3\n6,200,0.4\n")

    assert found.start_s.tolist() == [0, 0.5, 1, 1.25, 1.5, 1.75]


def test_a_long_file_of_something_else_is_given_up(tmp_path: Path) -> None:
    """As soon as no number of good lines could make up for the bad ones, and no sooner."""
    said = sentence(tmp_path, HEAD + "a,b,c\n" * 100_000)
    good = log_in(tmp_path, HEAD + "a,b,c\n" * 50 + "".join(f"{second},200,0.1\n" for second in range(950)))

    assert "10,001 of 10,001 lines (100 %) cannot be read" in said
    assert (good.bad, good.lines) == (50, 1_000)

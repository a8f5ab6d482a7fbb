"""In the background of a script and under nohup, where SIGINT or SIGHUP is ignored from the beginning."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import lab
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ignored() -> Iterator[None]:
    """Ignore what `nohup ... &` of a script ignores."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGHUP)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("ignored")
def test_the_children_of_these_tests_hear_all_the_same() -> None:
    """Else `nohup make check &` fails where a test sends a signal; this process stays deaf itself."""
    code = "import signal; print([signal.getsignal(each) is signal.SIG_IGN for each in (signal.SIGINT, signal.SIGHUP)])"
    child = lab.popen([sys.executable, "-c", code], stdout=subprocess.PIPE)

    assert child.communicate(timeout=30)[0] == "[False, False]\n"
    assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.usefixtures("ignored")
def test_a_run_in_the_background_goes_on_until_it_is_killed(tmp_path: Path) -> None:
    """It ignores what it was started to ignore, by custom; SIGTERM ends it as ever."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtest", "run", "experiment-1", "--quiet", "--out", str(tmp_path)],
        cwd=lab.ROOT,
        env=lab.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    folder = lab.run_under_way(tmp_path / "experiment-1")
    lab.wait_for(folder / "requests.jsonl", 2)
    for each in (signal.SIGINT, signal.SIGHUP):
        process.send_signal(each)
    lab.wait_for(folder / "requests.jsonl", 5)
    below = lab.descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)

    assert said == "loadtest: interrupted: the rows so far are kept, and the run is marked incomplete\n"
    assert process.returncode == 143
    assert lab.gone(below)

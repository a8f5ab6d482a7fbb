"""A signal becomes an exception that no library can lose; what must not be cut off is not."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from loadtest.terminal import interruption
from loadtest.terminal.interruption import SIGNALS, Interrupted, hold_back_signals, interruption_in, raise_interruption

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    """Listen as a command does, and leave everything as it was."""
    before, told = {each: signal.getsignal(each) for each in SIGNALS}, threading.excepthook
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    interruption.listen()
    yield
    for each in SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    interruption.listen()  # forgets what came
    threading.excepthook = told
    for each, handler in before.items():
        signal.signal(each, handler)


def test_a_signal_is_raised_once_and_a_second_is_not_heard() -> None:
    """The exit code is the shell's; the tidying up is not cut off."""
    with pytest.raises(Interrupted) as first:
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)

    assert first.value.exit_code == 143


def test_what_a_library_made_of_it_is_known_for_what_it_is() -> None:
    """An error of its own, or nothing at all: the next look finds it. Without a signal an error is an error."""
    assert interruption_in(ValueError("mine")) is None
    raise_interruption()
    own = Interrupted(2)
    assert interruption_in(own) is own
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)

    found = interruption_in(ValueError("Invalid bounding box"))

    assert found is not None
    assert found.exit_code == 130
    with pytest.raises(Interrupted):
        raise_interruption()


def test_what_is_held_back_is_raised_at_the_end() -> None:
    """Told at once, raised when the block is through; then the signals have their handlers again."""
    told, reached = [], []
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(Interrupted) as raised, hold_back_signals(lambda: told.append(len(reached))):  # noqa: PT012 - in order
        signal.raise_signal(signal.SIGINT)
        reached.append(signal.getsignal(signal.SIGINT) != before)

    assert (told, reached, raised.value.exit_code) == ([0], [True], 130)


def test_a_second_signal_is_not_hold_back_signals() -> None:
    """Who asks twice means it; the first one names the exit code."""
    reached = []

    with pytest.raises(Interrupted) as raised, hold_back_signals(lambda: None):  # noqa: PT012 - in order
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        reached.append(True)

    signal.raise_signal(signal.SIGINT)  # nor is a third one heard

    assert (reached, raised.value.exit_code) == ([], 143)


def test_nothing_comes_where_no_signal_came() -> None:
    """The handlers are as before, after an error, too."""
    before = [signal.getsignal(each) for each in SIGNALS]
    with hold_back_signals(lambda: None):
        pass
    with pytest.raises(ValueError, match="mine"), hold_back_signals(lambda: None):
        raise ValueError("mine")

    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    """As under nohup, or after a first one."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with hold_back_signals(lambda: None):
        signal.raise_signal(signal.SIGHUP)

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_what_is_ignored_from_the_start_is_not_listened_to() -> None:
    """Who starts it with nohup means it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interruption.listen()

    signal.raise_signal(signal.SIGHUP)

    assert interruption_in(ValueError("mine")) is None


def test_after_a_signal_other_threads_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """Their work was given up; before, their errors are reported."""

    def fail() -> None:
        raise ValueError("mine")

    def stumble() -> str:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        return capsys.readouterr().err

    assert "ValueError: mine" in stumble()
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)
    assert stumble() == ""


def test_other_threads_have_no_signals_to_hold_back() -> None:
    """They may not even ask for them."""
    done = []

    def work() -> None:
        with hold_back_signals(lambda: None):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert done == [True]


def test_what_was_ignored_from_the_beginning_stays_so_but_for_sigterm() -> None:
    """Under nohup and in the background of a script; a supervisor can end it all the same."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    interruption.listen()
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGHUP)

    with pytest.raises(Interrupted) as ended:
        signal.raise_signal(signal.SIGTERM)

    assert ended.value.exit_code == 143

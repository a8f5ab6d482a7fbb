"""How a signal ends a command: with an exception that no library handles, and that is remembered."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

# Signals that end a run properly: Ctrl-C, kill, and the closing of the terminal.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_signals_seen: list[int] = []


class Interrupted(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def listen() -> None:
    """Raise Interrupted in the main thread when one of the signals comes.

    One that is ignored, as SIGHUP under nohup or SIGINT in the background of a script, stays ignored; SIGTERM is always
    heard. After a signal, errors of other threads come from the ending, and are not reported.
    """
    _signals_seen.clear()
    for each in SIGNALS:
        if each == signal.SIGTERM or signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, _interrupt)
    threading.excepthook = _report_until_signal


def stop_listening() -> None:
    """Ignore the signals: the process is ending, and libraries need a moment for it."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


def _report_until_signal(failure: threading.ExceptHookArgs) -> None:
    if not _signals_seen:
        threading.__excepthook__(failure)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    stop_listening()  # a second one must not interrupt the clean-up
    _signals_seen.append(number)
    raise Interrupted(number)


def interruption_in(error: BaseException) -> Interrupted | None:
    """Return the interruption behind an error, even if a library has replaced it; none if no signal came."""
    if isinstance(error, Interrupted):
        return error
    return Interrupted(_signals_seen[0]) if _signals_seen else None


def raise_interruption() -> None:
    """Raise Interrupted if a signal came and a library lost the exception, as in a callback from C."""
    if _signals_seen:
        raise Interrupted(_signals_seen[0])


@contextmanager
def hold_back_signals(on_signal: Callable[[], object]) -> Iterator[None]:
    """Call `on_signal` when a signal comes, and raise only when the block has ended: for work that must be finished.

    A second signal is raised at once. Outside the main thread no signal comes, so nothing is held back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = _HeldSignals(on_signal)
    try:
        yield
    finally:
        handlers.restore_handlers()


class _HeldSignals:
    """Replaces the handlers of the signals for a while."""

    def __init__(self, on_signal: Callable[[], object]) -> None:
        self._on_signal = on_signal
        self._came: list[int] = []
        self._before: dict[int, Any] = {each: signal.getsignal(each) for each in SIGNALS}
        for each, handler in self._before.items():
            if callable(handler):
                signal.signal(each, self._keep_signal)

    def _keep_signal(self, number: int, _: FrameType | None) -> None:
        self._came.append(number)
        if len(self._came) > 1:
            self.restore_handlers()
        else:
            self._on_signal()

    def restore_handlers(self) -> None:
        """Restore the handlers, and give them the first signal that came."""
        before, self._before = self._before, {}  # only once: a second signal may call this, too
        for each, handler in before.items():
            signal.signal(each, handler)
        if self._came and before:
            before[self._came[0]](self._came[0], None)

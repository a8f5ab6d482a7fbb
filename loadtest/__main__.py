"""Run the lab: python -m loadtest."""

import os
import signal
import sys
from pathlib import Path

# The imports take a second; who presses Ctrl-C meanwhile wants an end, not a traceback.
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, lambda number, _: sys.exit(128 + number))

from loadtest.commands.app import main
from loadtest.terminal import interruption

if __name__ == "__main__":
    # Without a terminal's end there is none; libraries write and flush all the same.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    try:
        main()
    finally:
        interruption.stop_listening()

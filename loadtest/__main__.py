"""Run the lab: python -m loadtest."""

import signal
import sys

# The imports take a second; who presses Ctrl-C meanwhile wants an end, not a traceback.
signal.signal(signal.SIGINT, lambda number, _: sys.exit(128 + number))

from loadtest.cli import main  # noqa: E402 - see above

if __name__ == "__main__":
    main()

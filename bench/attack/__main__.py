"""Attack the lab's own services: python -m bench.attack."""

import signal
import sys

# Who presses Ctrl-C during the imports wants an end, not a traceback.
signal.signal(signal.SIGINT, lambda number, _: sys.exit(128 + number))

from bench.attack.command import main  # noqa: E402 - see above

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main())

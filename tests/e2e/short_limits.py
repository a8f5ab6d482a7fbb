"""Run a service with limits that a test need not wait for: python short_limits.py MODULE NAME=NUMBER...

OPEN_FILES is the system's limit for the process; the other names are those of service/guard/limits.py.
"""

from __future__ import annotations

import resource
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from service.guard import limits

    module, *given = sys.argv[1:]
    for each in given:
        name, _, value = each.partition("=")
        if name == "OPEN_FILES":
            resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
        else:
            setattr(limits, name, type(getattr(limits, name))(value))
    sys.argv[1:] = []
    runpy.run_module(module, run_name="__main__")

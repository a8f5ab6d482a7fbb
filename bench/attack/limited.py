"""Run a service that may open so many files, from its start: python -m bench.attack.limited FILES MODULE [OPTION]..."""

import resource
import runpy
import sys

if __name__ == "__main__":
    files, module = int(sys.argv.pop(1)), sys.argv.pop(1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    runpy.run_module(module, run_name="__main__", alter_sys=True)

"""A hash of the rows of each arm and seed, for runs whose rows are not kept."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadtest.records.run_folder import RunFolder

# The time that the client's process takes is the machine's, not the run's.
_MACHINE_FIGURES = {"client_cpu_s"}


def rows_hashes(folder: RunFolder) -> dict[str, str]:
    """Return 'arm/seed' -> a short SHA-256 over its requests, its changes of state, and what the services counted.

    Times count to the microsecond: their last digits depend on the machine's own mathematics.
    """
    parts: dict[str, list[str]] = {}
    for path in (folder.requests, folder.transitions, folder.arms):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            kept = {name: value for name, value in record.items() if name not in _MACHINE_FIGURES}
            parts.setdefault(f"{record['arm']}/{record['seed']}", []).append(
                json.dumps(_round_floats(kept), sort_keys=True)
            )
    return {name: sha256("\n".join(lines).encode()).hexdigest()[:16] for name, lines in sorted(parts.items())}


def _round_floats(record: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in record.items()}

"""What an image holds, printed as JSON by a Python inside it: docker run -i --entrypoint python IMAGE - < THIS."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib import metadata

from pip._vendor.packaging.markers import default_environment

FIELDS = ("Package", "Version", "Architecture")


def distributions() -> list[dict[str, object]]:
    """Return each library with what its metadata says of licences and needs."""
    return [
        {
            "name": each.metadata["Name"],
            "version": each.version,
            "licence_expression": each.metadata["License-Expression"] or "",
            "licence": (each.metadata["License"] or "").strip(),
            "classifiers": [
                value for value in each.metadata.get_all("Classifier") or () if value.startswith("License ::")
            ],
            "requires": each.requires or [],
        }
        for each in metadata.distributions()
    ]


def packages() -> list[dict[str, str]]:
    """Return the packages of the system, as far as dpkg knows them."""
    form = "\\t".join(f"${{{field}}}" for field in FIELDS) + "\\n"
    try:
        done = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return []
    return [dict(zip(map(str.lower, FIELDS), line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    system = platform.freedesktop_os_release()
    json.dump(
        {
            "python": platform.python_version(),
            "system": {"id": system.get("ID", ""), "version": system.get("VERSION_ID", "")},
            "markers": default_environment(),
            "distributions": distributions(),
            "packages": packages(),
        },
        sys.stdout,
    )

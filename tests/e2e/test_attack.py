"""The quick part of the battery, against real services."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import lab

if TYPE_CHECKING:
    from pathlib import Path


def test_the_quick_battery_holds(tmp_path: Path) -> None:
    """Every attack that it has; other tests run meanwhile, so how long `GET /data` took is no matter here."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.attack", "--quick", "--out", str(tmp_path)],
        cwd=lab.ROOT,
        env=lab.environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    (folder,) = tmp_path.iterdir()
    attacks = json.loads((folder / "attack.json").read_text(encoding="utf-8"))["attacks"]
    broken = {each["name"]: [text for text in each["told"] if " meanwhile; at most " not in text] for each in attacks}

    assert {name: said for name, said in broken.items() if said} == {}
    assert [each["name"] for each in attacks if each["verdict"] != "skipped" and each["tried"]] == [
        *("values", "bodies", "heads", "smuggling", "hosts", "tokens", "paths", "pages"),
        *("streams", "floods"),
    ]

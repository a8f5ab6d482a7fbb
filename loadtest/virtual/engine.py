"""Run a scenario on the virtual clock: the same files as a live run writes, in a fraction of the time.

There are no samples: they are how a live run watches two services from outside, and here there is nothing to watch.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from loadtest.rows import write
from loadtest.virtual.simulate import simulate_into

if TYPE_CHECKING:
    from loadtest.narrator import Narrator
    from loadtest.run_folder import RunFolder


def run_on_virtual_time(folder: RunFolder, narrator: Narrator) -> None:
    """Fill the run folder, arm by arm and seed by seed."""
    scenario, manifest = folder.scenario(), folder.manifest()
    settings = {}
    with ExitStack() as stack:
        rows, changes, records = (
            stack.enter_context(path.open("a", encoding="utf-8"))
            for path in (folder.requests, folder.transitions, folder.arms)
        )
        stack.enter_context(narrator)
        for seed in manifest["seeds"]:
            for arm in manifest["arms"]:
                settings[f"{arm}/{seed}"] = {
                    "client": scenario.arms[arm].call(seed).model_dump(mode="json"),
                    "backend": scenario.plan_of(arm, seed).model_dump(mode="json"),
                }
                moved, record = simulate_into(partial(write, rows), scenario, arm, seed)
                for change in moved:
                    write(changes, change)
                write(records, record)
                narrator.look()
    folder.update_manifest(settings=settings)

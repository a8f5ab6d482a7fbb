"""The command `index`."""

from __future__ import annotations

from loadtest.commands.options import OutDir, read_settings, wrong_input
from loadtest.terminal.console import out


def index(
    out_dir: OutDir = None,
) -> None:
    """Rewrite the page of all runs, index.html in the folder of results. Each run and each report also does this."""
    from loadtest.disk.room import check_room
    from loadtest.disk.trouble import reason_of
    from loadtest.report.all_runs import find_runs, write_index

    root = read_settings(out=out_dir).out
    if not root.is_dir():
        raise wrong_input("out", str(root), "an existing folder")
    try:
        check_room(root)
        page = write_index(root)
    except OSError as error:
        raise wrong_input("out", str(root), f"a writable folder ({reason_of(error)})") from error
    found = find_runs(root)
    out.print(f"{len(found.runs)} run(s): {page}", markup=False)
    for name, why in found.skipped:
        out.print(f"left out: {name}: {why}", markup=False)

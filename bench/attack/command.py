"""The command: attacks, says how far it is, prints the table and writes the files."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.attack import running, table
from bench.attack.ground import Effort
from bench.attack.registry import ATTACKS
from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.attack.ground import Attack
    from bench.attack.running import AttackResult

_ABOUT = """\
Attack the lab's own services as a stranger might: on free ports of the loopback, bounded in count and time.

During each attack a process measures how long `GET /data` takes. The whole battery takes up to ten minutes."""

_EPILOG = """\
files: attack.json, attack.md, at the end; the Markdown goes to stdout, too.
exit code: 0 all held; 1 something broke; 2 a wrong argument; 130 Ctrl-C, and no file is written.

examples:
  python -m bench.attack
  python -m bench.attack --only bodies --only streams --seed 7"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Attack, print, write. Returns the exit code."""
    options = _parse(arguments)
    if options.list:
        sys.stdout.write("".join(f"{each.name:<12} {each.about}\n" for each in ATTACKS))
        return 0
    chosen = [
        each for each in ATTACKS if (each.name in options.only if options.only else each.quick or not options.quick)
    ]
    effort = Effort(options.seed, options.quick)
    _raise_file_limit()
    now = datetime.now(UTC)
    try:
        with TemporaryDirectory(prefix="attack-") as scratch:
            undisturbed_s = running.measure_undisturbed(Path(scratch) / "undisturbed", quick=options.quick)
            limit_s = running.limit_from(undisturbed_s)
            results = [
                _run_and_report(attack, number, len(chosen), Path(scratch), effort, limit_s)
                for number, attack in enumerate(chosen, 1)
            ]
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped; nothing was written\n")
        return 130
    except ChildError as error:
        sys.stderr.write(f"attack: {error}\n")
        return 1
    folder = (options.out or Path("results/attack")) / f"{now:%Y%m%dT%H%M%SZ}"
    try:
        text = table.write(folder, results, undisturbed_s, limit_s, seed=options.seed, quick=options.quick)
    except OSError as error:
        sys.stderr.write(f"cannot write to {folder}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{text}\nin {folder}\n")
    return 1 if any(each.verdict == "broken" for each in results) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.attack",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [each.name for each in ATTACKS]
    parser.add_argument("--list", action="store_true", help="name the attacks, and run none")
    parser.add_argument(
        "--only", action="append", choices=names, metavar="ATTACK", help="run this one only; may be repeated"
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="decides all that is drawn (default: 0)")
    parser.add_argument("--quick", action="store_true", help="half a minute: fewer attacks, and less of each")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the files (default: results/attack)")
    options = parser.parse_args(arguments)
    if options.out is not None and options.out.exists() and not options.out.is_dir():
        parser.error(f"argument --out: got {str(options.out)!r}; allowed: a folder, new or there already")
    return options


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**63:
        raise argparse.ArgumentTypeError(f"got {text}; allowed: 0 to 2^63 - 1")
    return number


def _raise_file_limit() -> None:
    """Let this process open as many connections as it may: it floods, and must not run out first."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _run_and_report(
    attack: Attack, number: int, count: int, scratch: Path, effort: Effort, limit_s: float
) -> AttackResult:
    sys.stderr.write(f"{number:>2} of {count}  {attack.name:<12} ")
    sys.stderr.flush()
    began = time.monotonic()
    result = running.run_attack(attack, scratch / attack.name, effort, limit_s)
    said = f": {result.skipped}" if result.skipped else f", {result.tried:,} tried, {result.broken:,} broken"
    first = f": {result.told[0]:.120}" if result.told else ""
    sys.stderr.write(f"{result.verdict}{said}, {time.monotonic() - began:.1f} s{first}\n")
    return result

"""What the project keeps of its results: small, whole, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from loadtest.studies.references.recheck import find_references
from loadtest.studies.references.slim import pictures_in

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
REFERENCES = find_references(RESULTS)
MOST_OF_ALL = 4_000_000
MOST_OF_ONE = 400_000


def git(*arguments: str) -> list[str]:
    """Return the lines that git says; where this is no work tree of git's, the test is skipped."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no work tree of git")
    ended = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    return ended.stdout.splitlines()


def test_all_that_is_kept_is_small() -> None:
    """So that a dozen further references fit: under 4 MB together, none over 400 KB."""
    sizes: dict[str, int] = {}
    for name in filter(lambda each: (ROOT / each).is_file(), git("ls-files", "results")):
        folder = "/".join(name.split("/")[:3])
        sizes[folder] = sizes.get(folder, 0) + (ROOT / name).stat().st_size

    assert sum(sizes.values()) < MOST_OF_ALL
    assert {name: size for name, size in sizes.items() if size > MOST_OF_ONE} == {}


def test_git_keeps_references_and_nothing_else() -> None:
    """A run of the user's own, a sweep, the page of all runs and what `report` writes into a reference are ignored."""
    kept = [
        "results/README.md",
        "results/mine/reference/manifest.json",
        "results/mine/reference/charts/timeline.png",
        "results/mine/reference-live/report.md",
    ]
    ignored = [
        "results/index.html",
        "results/.running",
        "results/.running.lock",
        "results/mine/20260101T000000Z-live/manifest.json",
        "results/mine/latest",
        "results/mine/sweep-0123abcd/sweep.md",
        "results/mine/compare-a-b/compare.md",
        "results/mine/references/report.md",
        "results/mine/.reference.draft-1/report.md",
        "results/mine/reference/report.html",
        "results/mine/reference/charts/timeline.svg",
    ]

    assert git("check-ignore", "--no-index", *kept, *ignored) == ignored


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda path: path.relative_to(RESULTS).as_posix())
def test_a_reference_is_whole(reference: Path) -> None:
    """Each picture that its report shows is there, and no other."""
    [report] = reference.glob("*.md")
    shown = pictures_in(report.read_text(encoding="utf-8"))

    assert sorted(shown) == sorted(path.relative_to(reference).as_posix() for path in reference.rglob("*.png"))
    assert ".svg)" not in report.read_text(encoding="utf-8")


def test_rows_are_kept_of_the_pinned_seeds_only() -> None:
    """Of all other runs there is a hash for each arm and seed."""
    with_rows = [path.parent for path in RESULTS.glob("*/reference*/requests.jsonl")]
    manifests = [
        json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        for path in REFERENCES
        if path not in with_rows and (path / "summary.json").exists()
    ]

    assert sorted(path.relative_to(RESULTS).as_posix() for path in with_rows) == [
        "experiment-1/reference",
        "experiment-2/reference",
    ]
    for manifest in manifests:
        runs = {f"{arm}/{seed}" for arm in manifest["arms"] for seed in manifest["seeds"]}
        assert set(manifest["rows_sha256"]) == runs


def test_the_readme_shows_what_is_kept() -> None:
    """Every file of a reference that the README links is there."""
    linked = re.findall(r"\]\((results/[^)#]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))

    assert [path for path in linked if not (ROOT / path).is_file()] == []
    assert linked

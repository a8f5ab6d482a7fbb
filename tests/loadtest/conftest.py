"""What the tests of the load generator share: runs whose rows come from virtual time."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.figure import Figure

from loadtest.engines.virtual.simulate import simulate
from loadtest.records import rows, run_folder
from loadtest.report import theme
from loadtest.scenario import files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loadtest.records.run_folder import RunFolder


def _fill(folder: RunFolder, only: Sequence[str] | None = None) -> None:
    """Write what the arms of a run (or `only` some) give on virtual time, as a live run writes it."""
    manifest, found = folder.manifest(), folder.scenario()
    with (
        folder.requests.open("a", encoding="utf-8") as requests,
        folder.transitions.open("a", encoding="utf-8") as transitions,
        folder.arms.open("a", encoding="utf-8") as arms,
    ):
        for seed in manifest.seeds:
            for arm in manifest.arms if only is None else only:
                measured = simulate(found, arm, seed)
                for row in measured.rows:
                    rows.write(requests, row)
                for change in measured.changes:
                    rows.write(transitions, change)
                for record in measured.records:
                    rows.write(arms, record)


@pytest.fixture(scope="session")
def fill() -> Callable[..., None]:
    """`fill(folder, only)`: write the simulated rows of a run that was created, of all arms or only some."""
    return _fill


@pytest.fixture(scope="session")
def new_run() -> Callable[..., RunFolder]:
    """`new_run(root, text, seeds, only, complete)`: a whole run of a scenario's text, without its report."""

    def make(
        root: Path,
        text: str,
        seeds: Sequence[int] = (1,),
        only: Sequence[str] | None = None,
        *,
        complete: bool = True,
    ) -> RunFolder:
        found = files.parse(text, "mine.toml")
        folder = run_folder.create(root, found, text, "virtual", list(found.arms), list(seeds))
        _fill(folder, only)
        folder.end(complete=complete)
        return folder

    return make


@pytest.fixture(autouse=True)
def own_place(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give each test a temporary folder of its own: a run that goes on elsewhere on this machine is none of its."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.getbasetemp()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the charts, but draw none: an empty picture takes the place of each, for tests of a report's words."""

    def save(_: Figure, folder: Path, name: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.svg").write_text(f"<svg><title>{name}</title></svg>", encoding="utf-8")

    monkeypatch.setattr(theme, "save", save)


@pytest.fixture
def no_png(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw every chart, but once, as SVG: the PNG beside it takes as long again and shows the same."""
    save = Figure.savefig

    def save_svg(figure: Figure, path: Path, **options: Any) -> None:
        if path.suffix == ".svg":
            save(figure, path, **options)

    monkeypatch.setattr(Figure, "savefig", save_svg)

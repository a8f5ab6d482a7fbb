"""README and docs/ lead somewhere: links, anchors, make targets, commands and their options, file names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest
import typer

from loadtest.commands.app import app
from loadtest.docs.pages import PAGES

ROOT = Path(__file__).parents[2]
PAGES_READ = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES_READ}
COMMANDS = typer.main.get_command(app)
every_page = pytest.mark.parametrize("page", TEXTS)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@every_page
def test_every_link_leads_somewhere(page: str) -> None:
    """To a file or folder of the repository, and to a heading that it has."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(TEXTS[page])):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        path = ((ROOT / page).parent / name).resolve() if name else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)

    assert broken == []


@every_page
def test_every_make_target_exists(page: str) -> None:
    """What `make X` says, in words and in blocks."""
    rules = set(re.findall(r"^([\w./$()%-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known = "|".join(re.escape(rule.replace("$(VENV)", ".venv")).replace("%", r"\w+") for rule in rules)
    code = "\n".join(re.findall(r"```.*?```|`[^`]+`", TEXTS[page], re.DOTALL))
    named = set(re.findall(r"\bmake\s+([a-z.][\w./-]*)", code))

    assert {each for each in named if not re.fullmatch(known, each)} == set()


@every_page
def test_every_command_and_its_options_exist(page: str) -> None:
    """`python -m loadtest X --option`: the command is there and knows the option."""
    assert isinstance(COMMANDS, click.Group) or hasattr(COMMANDS, "commands")
    commands = COMMANDS.commands  # type: ignore[attr-defined]
    wrong = []
    for said in re.findall(r"python -m loadtest((?: [^\s`;#]+|\s\\\n\s+[^\s`;#]+)+)", TEXTS[page]):
        words = said.replace("\\\n", " ").split()
        name = words[0]
        if name.startswith("-"):
            options = {option for each in COMMANDS.params for option in each.opts} | {"--help"}
            wrong += [name] if name.strip('")') not in options else []
            continue
        if name not in commands:
            wrong += [name]
            continue
        options = {option for each in commands[name].params for option in each.opts} | {"--help"}
        wrong += [f"{name} {word}" for word in words[1:] if word.startswith("--") and word not in options]

    assert wrong == []


@every_page
def test_every_module_that_is_run_exists(page: str) -> None:
    """`python -m X` for the lab's own."""
    named = set(re.findall(r"python -m ([\w.]+)", TEXTS[page])) - {"dask", "loadtest.agreement"}

    assert {name for name in named if not (ROOT / name / "__main__.py").is_file()} == set()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/scenarios.md"])
def test_every_file_that_is_named_exists(page: str) -> None:
    """Whoever follows the map finds the place."""
    code = re.findall(r"`([^`\s]+)`", without_code(TEXTS[page]))
    rooms = ("bench", "loadtest", "client", "backend", "service", "inputs", "observability", "tests", "docs", "results")
    named = {
        each.rstrip("/") for each in code if each.startswith(tuple(f"{room}/" for room in rooms)) and "<" not in each
    }

    assert {each for each in named if not (ROOT / each).exists()} == set()


def test_the_index_has_every_page() -> None:
    """A page that nobody links is not read."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", TEXTS["docs/README.md"]))

    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert set(PAGES) <= linked


def test_the_readme_is_short() -> None:
    """A stranger reads it in some minutes; so does a contributor the other."""
    assert len(TEXTS["README.md"].encode()) <= 12_000
    assert len(TEXTS["CONTRIBUTING.md"].encode()) <= 4_050


def test_the_drawing_has_the_rooms_of_the_walls() -> None:
    """Floor by floor, in their order."""
    tree = ast.parse((ROOT / "tests/test_walls.py").read_text(encoding="utf-8"))
    floors = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "FLOORS"
    )
    drawing = TEXTS["docs/architecture.md"].split("```mermaid\n")[1].split("```")[0]
    drawn = [tuple(re.findall(r'\["([^"]+)"\]', line)) for line in drawing.splitlines()]
    names = dict(re.findall(r'(\w+)\["([^"]+)"\]', drawing))
    arrows = " ".join(line.strip() for line in drawing.splitlines() if "-->" in line)
    chain = re.sub(r"(\w+) \1\b", r"\1", arrows)

    assert tuple(rooms for rooms in drawn if rooms) == floors
    assert [tuple(names[each] for each in re.findall(r"\w+", floor)) for floor in chain.split("-->")] == list(floors)


def test_the_table_has_the_rooms_of_the_drawing() -> None:
    """Each room says what goes there; single files need not."""
    drawing, table = TEXTS["docs/architecture.md"].split("```mermaid\n")[1].split("```")
    rooms = {room for room in re.findall(r'\["([^"]+)"\]', drawing) if not room.endswith(".py")}

    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == rooms

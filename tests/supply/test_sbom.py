"""The lists of what the images hold."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("cyclonedx", reason="the libraries of `make sbom` are not installed")

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supply import sbom
from supply.parts import Part, astray, parts_of_image, parts_of_pins
from supply.pins import FOLDER, Pin, read_pins

if TYPE_CHECKING:
    from pathlib import Path

INSIDE = {
    "python": "3.13.2",
    "system": {"id": "debian", "version": "12"},
    "markers": {"sys_platform": "linux", "python_version": "3.13"},
    "distributions": [
        {
            "name": "Made_Up",
            "version": "1.0",
            "licence_expression": "MIT OR Apache-2.0",
            "licence": "",
            "classifiers": [],
            "requires": [
                "other>=2",
                "colorama; sys_platform == 'win32'",
                "extra-one; extra == 'x'",
                "not a requirement!",
            ],
        },
        {
            "name": "other",
            "version": "2.1",
            "licence_expression": "",
            "licence": "A licence\nof many lines",
            "classifiers": ["License :: OSI Approved :: BSD License", "License :: OSI Approved"],
            "requires": [],
        },
        {"name": "pip", "version": "25", "licence_expression": "", "licence": "MIT", "classifiers": [], "requires": []},
    ],
    "packages": [{"package": "libc6", "version": "2.36-9+deb12u1", "architecture": "amd64"}],
}


def valid(text: str) -> bool:
    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let every image hold the same; return the commands that ask for it."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=json.dumps(INSIDE), stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_the_parts_of_an_image() -> None:
    """Libraries with licence and needs, as this system has them; Python; the packages of the base image."""
    assert parts_of_image(json.dumps(INSIDE)) == [
        Part("deb", "libc6", "2.36-9+deb12u1", architecture="amd64", system="debian-12"),
        Part("generic", "python", "3.13.2", "PSF-2.0"),
        Part("pypi", "made-up", "1.0", "MIT OR Apache-2.0", ("other",)),
        Part("pypi", "other", "2.1", "BSD License"),
        Part("pypi", "pip", "25", "MIT"),
    ]


def test_the_parts_of_pins() -> None:
    """Those that an image installs, and none for another system or an older Python."""
    pins = [
        Pin("everywhere", "1"),
        Pin("windows", "1", "sys_platform == 'win32'"),
        Pin("linux", "1", "sys_platform == 'linux' and implementation_name == 'cpython'"),
        Pin("old", "1", "python_full_version < '3.12'"),
    ]

    assert parts_of_pins(pins, "3.13") == [Part("pypi", "everywhere", "1"), Part("pypi", "linux", "1")]


def test_what_is_not_as_pinned_is_found() -> None:
    """But pip, which comes with the base image."""
    parts = parts_of_image(json.dumps(INSIDE))

    assert astray(parts, [Pin("made-up", "1.0"), Pin("other", "2.0")]) == ["other 2.1"]


def test_each_image_has_a_list(said: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It fits the schema, names each part by its package URL, and is the same each time: no time, no serial number."""
    assert sbom.main(["--out", str(tmp_path)]) == 0
    first = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert sbom.main(["--out", str(tmp_path)]) == 0

    assert sorted(first) == ["backend.cdx.json", "client.cdx.json", "loadtest.cdx.json"]
    assert all(map(valid, first.values()))
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == first
    found: dict[str, Any] = json.loads(first["client.cdx.json"])
    assert {"serialNumber", "timestamp"} & {*found, *found["metadata"]} == set()
    assert found["metadata"]["component"]["name"] == "breaker-lab-client"
    assert sorted(each["purl"] for each in found["components"]) == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=debian-12",
        "pkg:generic/python@3.13.2",
        "pkg:pypi/made-up@1.0",
        "pkg:pypi/other@2.1",
        "pkg:pypi/pip@25",
    ]
    assert {each["ref"]: each.get("dependsOn") for each in found["dependencies"]}["pkg:pypi/made-up@1.0"] == [
        "pkg:pypi/other@2.1"
    ]
    assert [command[-2:] for command in said[:3]] == [
        ["breaker-lab-backend", "-"],
        ["breaker-lab-client", "-"],
        ["breaker-lab-loadtest", "-"],
    ]
    path = tmp_path / "client.cdx.json"
    assert f"{path}: 3 libraries, Python, 1 packages of the base image; from the built image" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (FileNotFoundError(), "no docker command on this machine"),
        (subprocess.TimeoutExpired("docker", 120), "no answer within 120 s"),
        (subprocess.CalledProcessError(125, "docker", stderr="No such image: x\nhelp\n"), "No such image: x"),
        (subprocess.CalledProcessError(125, "docker", stderr=""), "no reason given"),
    ],
)
def test_without_an_image_the_pins_are_listed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    why: str,
) -> None:
    """The file and the terminal say what is missing."""

    def run(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", run)

    assert sbom.main(["--out", str(tmp_path), "client"]) == 0
    text = (tmp_path / "client.cdx.json").read_text(encoding="utf-8")
    source = "the pins alone: without Python and the packages of the base image"
    assert valid(text)
    assert json.loads(text)["metadata"]["properties"] == [{"name": "breaker-lab:source", "value": source}]
    named = {each["name"] for each in json.loads(text)["components"]}
    assert named == {pin.name for pin in read_pins(FOLDER / "client.txt") if not pin.marker or "linux" in pin.marker}
    assert capsys.readouterr().out == f"{tmp_path / 'client.cdx.json'}: {len(named)} libraries; from {source} ({why})\n"


def test_an_image_that_is_not_as_pinned_is_told(
    said: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as one from before the last change of the pins."""
    sbom.main(["--out", str(tmp_path), "backend"])

    assert len(said) == 1
    assert (
        "not as pinned, so the image is older or newer than the pins: made-up 1.0, other 2.1" in capsys.readouterr().out
    )


def test_the_question_runs_in_any_python() -> None:
    """It is put to the Python of an image, which has no library of this lab's own."""
    question = (sbom.ROOT / "supply" / "installed.py").read_text(encoding="utf-8")
    if subprocess.run(
        [sys.executable, "-c", "import pip._vendor.packaging"], capture_output=True, check=False
    ).returncode:
        pytest.skip("this environment was made without pip")
    done = subprocess.run([sys.executable, "-"], input=question, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)

    assert set(found) == set(INSIDE)
    assert {"name", "version", "licence_expression", "licence", "classifiers", "requires"} == set(
        found["distributions"][0]
    )
    assert [part for part in parts_of_image(done.stdout) if part.name == "pytest"] != []

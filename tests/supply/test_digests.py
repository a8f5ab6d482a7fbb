"""The override with digests: all of it, or nothing, and never a made-up one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from supply import digests

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the two files that name images."""
    for name in ("Dockerfile", "docker-compose.yml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(digests, "ROOT", tmp_path)
    return tmp_path


def answer(monkeypatch: pytest.MonkeyPatch, said: str | Exception) -> list[str]:
    """Let docker answer so to every question; return the list of the images that it is asked for."""
    asked: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command[-1])
        if isinstance(said, Exception):
            raise said
        return subprocess.CompletedProcess(command, 0, stdout=said, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_every_image_of_others_is_pinned(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base of the lab's own images is an argument of their builds."""
    asked = answer(monkeypatch, f"{DIGEST}\n")

    assert digests.main() == 0
    written = yaml.safe_load((checkout / "docker-compose.digests.yml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((checkout / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    base = {"build": {"args": {"PYTHON_IMAGE": f"python:3.13-slim@{DIGEST}"}}}
    assert written == {
        "services": {
            name: base if "build" in service else {"image": f"{service['image']}@{DIGEST}"}
            for name, service in compose.items()
        }
    }
    assert asked == ["python:3.13-slim", compose["prometheus"]["image"], compose["grafana"]["image"]]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (FileNotFoundError(), "no docker command on this machine"),
        (subprocess.TimeoutExpired("docker", 60), "python:3.13-slim: no answer within 60 s"),
        (subprocess.CalledProcessError(1, "docker", stderr="x\nno such host\n"), "python:3.13-slim: no such host"),
        ("", "python:3.13-slim: got '', which is no digest"),
        ("sha256:abc", "python:3.13-slim: got 'sha256:abc', which is no digest"),
        (f"{DIGEST}\n{DIGEST}", f"python:3.13-slim: got '{DIGEST}\\n{DIGEST[:8]}', which is no digest"),
    ],
)
def test_without_an_answer_nothing_is_written(
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str | Exception,
    why: str,
) -> None:
    """One that is there already stays as it is."""
    override = checkout / "docker-compose.digests.yml"
    override.write_text("of yesterday", encoding="utf-8")
    answer(monkeypatch, said)

    assert digests.main() == 1
    assert override.read_text(encoding="utf-8") == "of yesterday"
    assert capsys.readouterr().err == (
        f"docker-compose.digests.yml is not written, since not all registries could be asked: {why}\n"
    )

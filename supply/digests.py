"""Pin the images of others by digest: python -m supply.digests.

Asks the registries which digest each tag has now, and writes docker-compose.digests.yml, an override:

    docker compose -f docker-compose.yml -f docker-compose.digests.yml up --build

Where one registry cannot be asked, nothing is written, and the exit code is 1.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OWN = "breaker-lab-"
OVERRIDE = "docker-compose.digests.yml"
WITHIN_S = 60
_BUILT = ("backend", "client", "results", "loadtest")


class UnknownDigestError(Exception):
    """A registry that cannot be asked, or that does not know the tag."""


def base_image(dockerfile: str) -> str:
    """Return the image that the Dockerfile begins with: its arguments with their defaults."""
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile, re.MULTILINE))
    return re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], arguments["PYTHON_IMAGE"])


def images_of_services(compose: str) -> dict[str, str]:
    """Return the services that run an image of others, with its tag."""
    found = re.findall(r"^  (\w+):\n(?:(?:    .*)?\n)*?    image: (\S+)$", compose, re.MULTILINE)
    return {service: image for service, image in found if not image.startswith(OWN)}


def digest_of(image: str) -> str:
    """Ask the image's registry for the digest of its tag. Raises UnknownDigestError."""
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=True)
    except FileNotFoundError:
        raise UnknownDigestError("no docker command on this machine") from None
    except subprocess.TimeoutExpired:
        raise UnknownDigestError(f"{image}: no answer within {WITHIN_S} s") from None
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnknownDigestError(f"{image}: {why[:300]}") from None
    digest = done.stdout.strip()
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise UnknownDigestError(f"{image}: got {digest[:80]!r}, which is no digest")
    return digest


def as_override(base: str, services: dict[str, str]) -> str:
    """Return the override; every image has its tag, for people, and its digest, which counts."""
    lines = [
        "# Written by `make digests`, which asks the registries for the digests of the tags. Use it with:",
        f"#   docker compose -f docker-compose.yml -f {OVERRIDE} up --build",
        "services:",
        *(f"  {service}: {{build: {{args: {{PYTHON_IMAGE: {base!r}}}}}}}" for service in _BUILT),
        *(f"  {service}: {{image: {image!r}}}" for service, image in services.items()),
    ]
    return "".join(f"{line}\n" for line in lines).replace("'", '"')


def main() -> int:
    """Write the override, all of it or nothing."""
    base = base_image((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    services = images_of_services((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    try:
        pinned = {image: f"{image}@{digest_of(image)}" for image in (base, *services.values())}
    except UnknownDigestError as error:
        sys.stderr.write(f"{OVERRIDE} is not written, since not all registries could be asked: {error}\n")
        return 1
    text = as_override(pinned[base], {service: pinned[image] for service, image in services.items()})
    (ROOT / OVERRIDE).write_text(text, encoding="utf-8")
    sys.stdout.write("".join(f"{image}\n" for image in pinned.values()) + f"written: {OVERRIDE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

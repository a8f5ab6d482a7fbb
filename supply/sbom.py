"""List what each image holds, as CycloneDX: python -m supply.sbom [IMAGE ...].

Writes build/sbom/IMAGE.cdx.json. The list comes from the built images: libraries with their licences, Python, and the
packages of the base image. Where there is no container engine, or no built image, it comes from the pins: then it holds
the libraries alone, and the file and the terminal say so. The same parts give the same bytes: there is no time in them,
and no serial number.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from supply.parts import Part, astray, parts_of_image, parts_of_pins
from supply.pins import FOLDER, read_pins

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = FOLDER.parent
IMAGES = {"backend": "backend.txt", "client": "client.txt", "loadtest": "lab.txt"}
PREFIX = "breaker-lab-"
WITHIN_S = 120
FROM_IMAGE = "the built image"
FROM_PINS = "the pins alone: without Python and the packages of the base image"


@dataclass(frozen=True)
class Found:
    """The parts of an image, where they were read, and why not in the image."""

    parts: list[Part]
    source: str
    why: str = ""


def look_into(image: str) -> Found:
    """Return the parts of an image, from the image if it can be run."""
    pins = read_pins(FOLDER / IMAGES[image])
    try:
        options = ["--rm", "--interactive", "--pull=never", "--network=none", "--read-only", "--entrypoint=python"]
        done = subprocess.run(
            ["docker", "run", *options, f"{PREFIX}{image}", "-"],  # noqa: S607 - whichever docker the user has
            input=(ROOT / "supply" / "installed.py").read_text(encoding="utf-8"),
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=True,
        )
    except FileNotFoundError:
        why = "no docker command on this machine"
    except subprocess.TimeoutExpired:
        why = f"no answer within {WITHIN_S} s"
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip().splitlines() or ["no reason given"])[0][:160]
    else:
        return Found(parts_of_image(done.stdout), FROM_IMAGE)
    return Found(parts_of_pins(pins, _python()), FROM_PINS, why)


def _python() -> str:
    found = re.search(r"^ARG PYTHON=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "3.13"


def as_cyclonedx(image: str, version: str, found: Found) -> str:
    """Return the list as JSON. Raises ValueError if it does not fit the schema."""
    licences = LicenseFactory()
    root = Component(name=f"{PREFIX}{image}", version=version, type=ComponentType.CONTAINER, bom_ref=image)
    root.licenses.add(licences.make_from_string("MIT"))
    bom = Bom()
    bom.metadata.component = root
    bom.metadata.properties.add(Property(name="breaker-lab:source", value=found.source))
    made = {}
    for part in found.parts:
        url = _url(part)
        component = Component(
            name=part.name,
            version=part.version,
            type=ComponentType.PLATFORM if part.kind == "generic" else ComponentType.LIBRARY,
            purl=url,
            bom_ref=url.to_string(),
        )
        if part.licence:
            component.licenses.add(licences.make_from_string(part.licence))
        bom.components.add(component)
        made[part] = component
    by_name = {(part.kind, part.name): component for part, component in made.items()}
    bom.register_dependency(root, made.values())
    for part, component in made.items():
        needed = (by_name.get((part.kind, name)) for name in part.needs)
        bom.register_dependency(component, [each for each in needed if each is not None])
    values: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    values.pop("serialNumber", None)
    values["metadata"].pop("timestamp", None)
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise ValueError(f"{image}: not CycloneDX: {wrong!r:.300}")
    return text


def _url(part: Part) -> PackageURL:
    if part.kind == "deb":
        return PackageURL("deb", "debian", part.name, part.version, {"arch": part.architecture, "distro": part.system})
    return PackageURL(part.kind, name=part.name, version=part.version)


def told(image: str, path: Path, found: Found) -> Iterable[str]:
    """Return the lines about one file."""
    kinds = {"pypi": "libraries", "generic": "Python", "deb": "packages of the base image"}
    counted = ((sum(part.kind == kind for part in found.parts), word) for kind, word in kinds.items())
    some = ", ".join(word if word == "Python" else f"{number} {word}" for number, word in counted if number)
    yield f"{path}: {some}; from {found.source}" + (f" ({found.why})" if found.why else "")
    if found.source == FROM_IMAGE:
        strangers = astray(found.parts, read_pins(FOLDER / IMAGES[image]))
        if strangers:
            yield f"{path}: not as pinned, so the image is older or newer than the pins: {', '.join(strangers)}"


def main(arguments: list[str] | None = None) -> int:
    """Write the list of each image, and say where it came from."""
    parser = argparse.ArgumentParser(prog="sbom", description="List what each image holds, as CycloneDX.")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=f"{', '.join(IMAGES)} (default: all)")
    parser.add_argument("--out", type=Path, default=Path("build/sbom"), metavar="DIR", help="default: build/sbom")
    options = parser.parse_args(arguments)
    unknown = [each for each in options.images if each not in IMAGES]
    if unknown:
        parser.error(f"image: got {unknown[0]!r}; allowed: {', '.join(IMAGES)}")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    options.out.mkdir(parents=True, exist_ok=True)
    for image in options.images or IMAGES:
        found = look_into(image)
        path = options.out / f"{image}.cdx.json"
        path.write_text(as_cyclonedx(image, version, found), encoding="utf-8")
        sys.stdout.write("".join(f"{line}\n" for line in told(image, path, found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The parts of an image: libraries, Python, packages of the system. Read from the image, or from its pins alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supply.pins import Pin

# What an image is, as its markers say it: Linux, and the Python of the Dockerfile.
IMAGE_MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
    "extra": "",
}
_LONGEST_LICENCE = 100
# pip itself is in the base image, and no part of a virtual environment of uv.
_UNPINNED = {"pip", "setuptools", "wheel"}


@dataclass(frozen=True, order=True)
class Part:
    """A part: `kind` is pypi, deb or generic, as in a package URL; `needs` are names of the same kind."""

    kind: str
    name: str
    version: str
    licence: str = ""
    needs: tuple[str, ...] = ()
    architecture: str = ""
    system: str = ""


def parts_of_image(said: str) -> list[Part]:
    """Return the parts that `supply/installed.py` found in an image."""
    found = json.loads(said)
    system = "-".join(filter(None, (found["system"]["id"], found["system"]["version"])))
    libraries = [
        Part("pypi", canonicalize_name(each["name"]), each["version"], _licence(each), _needs(each, found["markers"]))
        for each in found["distributions"]
    ]
    packages = [
        Part("deb", each["package"], each["version"], architecture=each["architecture"], system=system)
        for each in found["packages"]
    ]
    return sorted({*libraries, *packages, Part("generic", "python", found["python"], "PSF-2.0")})


def parts_of_pins(pins: Iterable[Pin], python: str) -> list[Part]:
    """Return the libraries that an image installs, with Python `python`; nothing is known of the rest."""
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    markers = {**IMAGE_MARKERS, **versions, "platform_machine": "x86_64"}
    return sorted(
        Part("pypi", pin.name, pin.version)
        for pin in pins
        if not pin.marker or Marker(pin.marker).evaluate(environment=markers)
    )


def astray(parts: Iterable[Part], pins: Iterable[Pin]) -> list[str]:
    """Return the libraries of an image that are not pinned, or in another version."""
    pinned = {(pin.name, pin.version) for pin in pins}
    return [
        f"{part.name} {part.version}"
        for part in parts
        if part.kind == "pypi" and part.name not in _UNPINNED and (part.name, part.version) not in pinned
    ]


def _licence(each: dict[str, Any]) -> str:
    """Return an SPDX expression, a short text, or the names in the classifiers: what the metadata has first."""
    if each["licence_expression"]:
        return str(each["licence_expression"])
    text = str(each["licence"])
    if text and "\n" not in text and len(text) <= _LONGEST_LICENCE:
        return text
    names = {
        classifier.removeprefix("License :: ").removeprefix("OSI Approved :: ") for classifier in each["classifiers"]
    }
    return ", ".join(sorted(names - {"OSI Approved"}))


def _needs(each: dict[str, Any], markers: dict[str, str]) -> tuple[str, ...]:
    """Return what a library needs in this image, without its extras."""
    names = set()
    for text in each["requires"]:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate(environment={**markers, "extra": ""}):
            names.add(canonicalize_name(requirement.name))
    return tuple(sorted(names))

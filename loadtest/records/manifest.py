"""The shape of manifest.json: what was run, with what, and where."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loadtest.scenario.quantities import describe

Engine = Literal["live", "virtual"]
# Of `jitter_s`, seconds.
LEAST_JITTER_S, MOST_JITTER_S = 1e-6, 60.0
ENGINES: tuple[Engine, ...] = get_args(Engine)
# Those that a report names; there are more.
NAMED_VERSIONS = ("python", "pybreaker", "locust")


def _name_versions(versions: dict[str, str]) -> dict[str, str]:
    missing = [name for name in NAMED_VERSIONS if name not in versions]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    return versions


class ManifestPart(BaseModel):
    """A part of a manifest; entries that are not named here are kept."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")


class Host(ManifestPart):
    """The machine that the run was made on."""

    system: Annotated[str, describe("operating system")]
    machine: Annotated[str, describe("kind of processor")]
    cores: Annotated[int | None, describe("how many cores; null where that is unknown", "cores")]


class EffectiveSettings(ManifestPart):
    """What was in force for one arm and seed, as the services tell it."""

    client: Annotated[dict[str, Any], describe("the client's settings")] = {}
    backend: Annotated[dict[str, Any], describe("the backend's faults")] = {}


class Manifest(ManifestPart):
    """What every manifest has, in its order; there may be more."""

    schema_version: Annotated[int, Field(alias="schema"), describe("version of this shape")]
    complete: Annotated[bool, describe("whether every arm ran to its end with every seed")]
    scenario: Annotated[str, describe("name of the scenario")]
    scenario_text: Annotated[str, describe("the scenario's file, as it was run")]
    scenario_sha256: Annotated[str, describe("SHA-256 of that text")]
    engine: Annotated[Engine, describe("what ran it")]
    arms: Annotated[list[str], Field(min_length=1), describe("arms of the run, in their order")]
    seeds: Annotated[
        list[Annotated[int, Field(ge=0, lt=2**63)]], Field(min_length=1), describe("seeds of the run, in their order")
    ]
    weather: Annotated[dict[str, str], describe("hash of all that an arm meets from outside, by `<arm>/<seed>`")]
    started: Annotated[str, describe("when the run began, ISO 8601 with its zone")]
    versions: Annotated[
        dict[str, str], AfterValidator(_name_versions), describe("versions of Python and of the libraries")
    ]
    git_revision: Annotated[str | None, describe("revision of the lab; null where that is unknown")]
    host: Annotated[Host, describe("the machine")]
    settings: Annotated[
        dict[str, EffectiveSettings], describe("settings that were in force, by `<arm>/<seed>`; filled as the run goes")
    ]
    jitter_s: Annotated[
        float | None,
        Field(ge=LEAST_JITTER_S, le=MOST_JITTER_S),
        describe("requests on virtual time were sent up to so much late, uniform from 0; absent where none was", "s"),
    ] = None
    rows_sha256: Annotated[
        dict[str, str] | None,
        describe("hash of the rows, by `<arm>/<seed>`, in a reference that does not keep them; absent elsewhere"),
    ] = None

    def as_json(self) -> dict[str, Any]:
        """Return the entries as they are in the file."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def as_text(self) -> str:
        """Return the text of the file."""
        return json.dumps(self.as_json(), indent=2) + "\n"

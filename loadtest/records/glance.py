"""What is known of a run from its two small files alone, however old or incomplete they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from inputs.files import read_text
from inputs.json_text import NotJsonError, read_json
from inputs.limits import LONGEST_JSON_FILE
from loadtest.records.summary import Check  # noqa: TC001 - pydantic reads the annotation

if TYPE_CHECKING:
    from pathlib import Path

Text = Annotated[str, BeforeValidator(str)]


class ManifestGlance(BaseModel):
    """What names a run. Other entries are passed over."""

    model_config = ConfigDict(frozen=True)

    scenario: Text
    scenario_text: Text
    engine: Text
    arms: tuple[Text, ...]
    seeds: tuple[int, ...]
    started: Text
    complete: Annotated[bool, BeforeValidator(lambda value: value is True)]
    git_revision: str | None = None


class SummaryGlance(BaseModel):
    """What a run says in a few lines; nothing where there is no summary."""

    model_config = ConfigDict(frozen=True)

    headline: str | None = None
    validity: tuple[Check, ...] = ()
    expect: tuple[Check, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Each check and each bound that does not hold, with its figures."""
        return tuple(f"{check.name}: {check.detail}" for check in (*self.validity, *self.expect) if not check.ok)


AnyGlance = TypeVar("AnyGlance", ManifestGlance, SummaryGlance)


def read_manifest(folder: Path) -> ManifestGlance:
    """Read a run's manifest. Raises OSError, and ValueError with a sentence."""
    return _read(folder / "manifest.json", ManifestGlance)


def read_summary(folder: Path) -> SummaryGlance:
    """Read a run's summary, where it has one. Raises OSError, and ValueError with a sentence."""
    path = folder / "summary.json"
    return _read(path, SummaryGlance) if path.is_file() else SummaryGlance()


def _read(path: Path, kind: type[AnyGlance]) -> AnyGlance:
    try:
        values = read_json(read_text(path, LONGEST_JSON_FILE))
    except NotJsonError as error:
        raise ValueError("a file of it is not JSON") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path.name} is no JSON object")  # noqa: TRY004 - what is wrong is the file's text
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ValueError(_describe(path.name, error)) from error


def _describe(name: str, error: ValidationError) -> str:
    """Name an entry that is missing, or else the first that is wrong."""
    errors: list[Any] = list(error.errors(include_url=False))
    for each in errors:
        if each["type"] == "missing" and len(each["loc"]) == 1:
            return f"{name} has no {each['loc'][0]}"
    field = ".".join(map(str, errors[0]["loc"]))
    return f"{name}: {field}: {errors[0]['msg']}"

"""The settings of a breaker: one model for each policy, chosen by `policy`, and written flat (see `flat`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    Tag,
    TypeAdapter,
    WrapSerializer,
    create_model,
    model_validator,
)

from client.breakers.flat import SHADOW, as_flat, flat_fields
from client.breakers.opening.consecutive import ConsecutiveSettings
from client.breakers.policy import SHARED, PolicySettings
from client.breakers.registry import policies
from inputs.shown import show_value

_DEFAULT = "consecutive"
# The policy that only has a shadow. It cannot be one itself.
_ONLY_TRIES = "shadow"


def _policy_tag(value: Any) -> str:
    """Return the tag of the policy's model."""
    name = value.get("policy", _DEFAULT) if isinstance(value, dict) else getattr(value, "policy", _DEFAULT)
    return f"<{name}>"


def _check_policy_settings(value: Any) -> Any:
    """Raise ValueError for an unknown policy, and for a setting that the policy does not read."""
    if not isinstance(value, dict):
        return value
    name = value.get("policy", _DEFAULT)
    if not isinstance(name, str) or name not in policies():
        raise ValueError(f"policy: got {show_value(name)}; allowed: {', '.join(sorted(policies()))}")
    if policies()[name].settings_type is None:
        return value
    reads = policies()[name].reads() | SHARED
    for given in value:
        takers = [each for each, kind in policies().items() if given in kind.reads()]
        if takers and given not in reads:
            raise ValueError(
                f"{given}: got {_as_text(value[given])}; the policy {name!r} does not read it, only: "
                f"{', '.join(takers)}"
            )
    return value


def _as_text(value: Any) -> str:
    """Write a value as the user gave it; a number in an environment variable is text."""
    number = isinstance(value, str) and value.replace(".", "", 1).isdecimal()
    return f"{value:.80}" if number else show_value(value)


def _check_tried_settings(value: Any) -> Any:
    """Do the same for a shadow breaker, which cannot have a shadow itself."""
    if isinstance(value, dict) and value.get("policy") == _ONLY_TRIES:
        raise ValueError(f"policy: got {_ONLY_TRIES!r}; allowed: a policy that decides")
    return _check_policy_settings(value)


def _dump_flat(
    settings: PolicySettings, dump: SerializerFunctionWrapHandler, info: SerializationInfo
) -> dict[str, Any]:
    """Write all settings flat; in a partial dump only those asked for, and the policy unless it is the default."""
    own: dict[str, Any] = dump(settings)
    if info.exclude_unset:
        return own
    if info.exclude_defaults:
        return own if settings.policy == _DEFAULT else {"policy": settings.policy, **own}
    return as_flat(settings, own)


def _register_model(name: str, model: type[PolicySettings]) -> type[PolicySettings]:
    """Let pickle find a model that is created here: settings are sent to other processes."""
    model.__name__ = model.__qualname__ = name
    model.__module__ = __name__
    globals()[name] = model
    return model


def _camel_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _settings_of(name: str) -> type[PolicySettings]:
    """Return the model of a policy. The model of a fixed policy keeps every setting for later."""
    kind = policies()[name].settings_type
    if kind is not None:
        return kind
    fields = {each: field for each, field in flat_fields().items() if each not in SHARED}
    fields["policy"] = (Literal[name], name)
    made: type[PolicySettings] = create_model(
        name, __base__=PolicySettings, __doc__="Settings of a fixed policy.", **fields
    )
    return _register_model(f"{_camel_case(name)}Settings", made)


def _union(models: dict[str, type[PolicySettings]], judge: Any) -> Any:
    members = tuple(Annotated[model, Tag(f"<{name}>")] for name, model in models.items())
    return Annotated[
        Union[members],  # noqa: UP007 - made from a tuple
        Discriminator(_policy_tag),
        BeforeValidator(judge),
        WrapSerializer(_dump_flat),
    ]


def _check_tried(settings: PolicySettings) -> PolicySettings:
    """Make sure that the settings of the shadow breaker fit together."""
    tried_by(settings)
    return settings


def tried_by(settings: PolicySettings) -> PolicySettings | None:
    """Return the settings of the shadow breaker; `consecutive` for the policy `shadow` without further settings."""
    shadow: PolicySettings | None = settings.shadow
    if shadow is None and settings.policy == _ONLY_TRIES:
        own = {name: getattr(settings, name) for name in ConsecutiveSettings.model_fields if name != "policy"}
        return ConsecutiveSettings(**own)
    return shadow


def act_alike(one: PolicySettings, other: PolicySettings) -> bool:
    """Whether two settings make the same breaker: neither its name counts, nor what its policy does not read."""
    return _what_acts(one) == _what_acts(other)


def _what_acts(settings: PolicySettings) -> tuple[Any, ...]:
    tried = tried_by(settings) if "shadow" in type(settings).model_fields else None
    read = {name: getattr(settings, name) for name in policies()[settings.policy].reads()}
    return settings.policy, settings.seed, read, tried and _what_acts(tried)


_MODELS = {name: _settings_of(name) for name in policies()}
if TYPE_CHECKING:
    TriedSettings: TypeAlias = PolicySettings
    BreakerSettings: TypeAlias = PolicySettings
else:
    TriedSettings = _union({name: each for name, each in _MODELS.items() if name != _ONLY_TRIES}, _check_tried_settings)
    BreakerSettings = _union(
        {
            name: _register_model(
                f"{_camel_case(name)}InCharge",
                create_model(
                    name,
                    __base__=model,
                    __validators__={"_check_tried": model_validator(mode="after")(_check_tried)},
                    shadow=(TriedSettings | None, Field(None, description=SHADOW)),
                ),
            )
            for name, model in _MODELS.items()
        },
        _check_policy_settings,
    )
_IN_CHARGE: TypeAdapter[PolicySettings] = TypeAdapter(BreakerSettings)
_TRIED: TypeAdapter[PolicySettings] = TypeAdapter(TriedSettings)


def breaker_settings(**values: Any) -> PolicySettings:
    """Return the settings of a breaker in charge, by default those of `consecutive`. Raises ValidationError."""
    return _IN_CHARGE.validate_python(values)


def tried_settings(**values: Any) -> PolicySettings:
    """Return the settings of a shadow breaker, by default those of `consecutive`. Raises ValidationError."""
    return _TRIED.validate_python(values)

"""The settings of all policies in one flat model, as JSON, forms and tables show them.

A client that is switched from one policy to another and back gets its old settings again: settings that the current
policy does not read are kept beside its own, and shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, create_model

from client.breakers.policy import PolicySettings
from client.breakers.registry import policies
from inputs.model import StrictModel

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SHADOW = "a second breaker that decides and reports on the same calls, and refuses nothing"
# The order in which settings are shown. Settings that are not in this list follow it, policy by policy.
_ORDER = (
    *("fail_max", "failure_rate", "min_calls", "window_calls", "window_s"),
    *("slow_call_s", "slow_call_rate", "slow_in_flight"),
    *("reset_timeout", "open_growth", "open_max_s", "open_jitter", "honour_retry_after"),
    *("max_probes", "success_threshold", "probe_success_rate", "probe_calls", "half_open_max_s", "ramp_s"),
    *("throttle_k", "adaptive_gain", "usual_error_rate", "usual_s", "max_refused"),
)


def _check_policy(name: str) -> str:
    if name not in policies():
        raise ValueError(f"allowed: {', '.join(sorted(policies()))}")
    return name


def flat_fields() -> dict[str, Any]:
    """Return the settings of all policies, each once, in the form that `create_model` takes."""
    found = {
        name: (field.annotation, field)
        for kind in policies().values()
        for name, field in (kind.settings_type.model_fields if kind.settings_type else {}).items()
        if name in kind.reads()
    }
    names = [*(name for name in _ORDER if name in found), *(name for name in found if name not in _ORDER)]
    shared = {name: (field.annotation, field) for name, field in PolicySettings.model_fields.items()}
    policy = Annotated[str, AfterValidator(_check_policy)], Field("consecutive", description="which breaker")
    return {
        "policy": policy,
        "name": shared["name"],
        **{name: found[name] for name in names},
        "seed": shared["seed"],
    }


if TYPE_CHECKING:
    FlatPolicy: TypeAlias = PolicySettings
    FlatBreaker: TypeAlias = PolicySettings
else:
    FlatPolicy = create_model(
        "PolicySettings",
        __base__=StrictModel,
        __module__=__name__,
        __doc__="One breaker; each policy reads its part. `fail_max`, `reset_timeout`, `success_threshold` as in "
        "pybreaker.",
        **flat_fields(),
    )
    FlatBreaker = create_model(
        "BreakerSettings",
        __base__=FlatPolicy,
        __module__=__name__,
        __doc__="The breaker in charge, and the shadow breaker beside it.",
        shadow=(FlatPolicy | None, Field(None, description=SHADOW)),
    )


def as_flat(settings: PolicySettings, own: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings: `own`, the policy's own values (dumped), and kept values or defaults for other policies."""
    defaults = {name: field.default for name, field in FlatBreaker.model_fields.items() if name != "shadow"}
    values = {**defaults, **settings._kept, **own}  # noqa: SLF001 - kept for this very form
    return {name: values[name] for name in FlatBreaker.model_fields if name in values}


def keep_settings(settings: PolicySettings, values: Mapping[str, Any]) -> None:
    """Keep settings of other policies beside those of the current one."""
    settings._kept.update(values)  # noqa: SLF001 - kept for this very form


def split_flat(flat: Mapping[str, Any], changed: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that the policy's own model checks, and those that are kept beside it.

    The model checks the settings that its policy reads, and every changed one: it refuses those that it does not read.
    """
    policy = policies()[flat["policy"]]
    if policy.settings_type is None:
        return dict(flat), {}
    own = policy.reads() | PolicySettings.model_fields.keys() | {"shadow"} | set(changed)
    return (
        {name: value for name, value in flat.items() if name in own},
        {name: value for name, value in flat.items() if name not in own},
    )

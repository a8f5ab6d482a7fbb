"""The settings of who may ask for what, the same for both services and for the load generator's web UI."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_settings import NoDecode

from inputs.wrong_input import WrongInputError
from service.guard import hosts
from service.guard.hosts import AllowedHosts, check_name, is_loopback
from service.guard.limits import LONGEST_TOKEN, MOST_HOSTS, SHORTEST_TOKEN
from service.guard.tokens import Token, Tokens


def _split_names(value: Any) -> Any:
    """Take text for a list, too: names between commas, or a list as JSON. Raises ValueError."""
    if isinstance(value, str):
        value = _read_json(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise ValueError(hosts.FORMS)
    if len(value) > MOST_HOSTS:
        raise ValueError(f"allowed: at most {MOST_HOSTS} names")
    return tuple(dict.fromkeys(check_name(each.strip()) for each in value if each.strip()))


def _read_json(text: str) -> Any:
    """Return what JSON says; the text itself between commas where it is the address [::1], and not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.split(",")


def _read_yes_or_no(value: Any, read: ValidatorFunctionWrapHandler) -> bool:
    try:
        return bool(read(value))
    except ValidationError:
        raise ValueError("allowed: yes or no, true or false, 1 or 0") from None


def _check_token(secret: SecretStr) -> SecretStr:
    Token(secret.get_secret_value())
    return secret


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
Secret = Annotated[
    SecretStr,
    AfterValidator(_check_token),
    WithJsonSchema({"type": "string", "minLength": SHORTEST_TOKEN, "maxLength": LONGEST_TOKEN, "writeOnly": True}),
]


class AccessSettings(BaseModel):
    """Who may ask. Tokens are left out when the settings are shown."""

    model_config = ConfigDict(hide_input_in_errors=True)

    allowed_hosts: Names = Field(
        (),
        max_length=MOST_HOSTS,
        description="names of this service that requests may give as Host, besides loopback and the name it is bound "
        "to: names and addresses without a port, `*.NAME` for all names below one, or `*` for any",
    )
    token: Secret | None = Field(
        None,
        exclude=True,
        description="visible ASCII characters; if set, whoever changes something has to send it",
    )
    read_token: Secret | None = Field(
        None,
        exclude=True,
        description="visible ASCII characters; if set, whoever reads has to send it or the token; without the other, "
        "it guards changes, too",
    )
    insecure: Annotated[bool, WrapValidator(_read_yes_or_no)] = Field(
        default=False, description="`yes`: start without a token even if other machines can reach the service"
    )

    @property
    def owners_token(self) -> SecretStr | None:
        """The token for changes. With one for reading alone it is that: who may not look must not change either."""
        return self.token or self.read_token


def hosts_of(access: AccessSettings, bound_to: str) -> AllowedHosts:
    """Return the names of a service that is bound to `bound_to`, a name or an address."""
    return AllowedHosts(access.allowed_hosts, bound_to)


def tokens_of(access: AccessSettings, service: str) -> Tokens:
    """Return the tokens of a service; `service` is its name in lower case."""
    return Tokens(service, _token(access.owners_token), _token(access.read_token))


def _token(secret: SecretStr | None) -> Token | None:
    return None if secret is None else Token(secret.get_secret_value())


def check_exposure(address: str, access: AccessSettings, prefix: str) -> None:
    """Raise WrongInputError if other machines reach `address`, and neither a token is set nor that this is wanted.

    `address` is the numeric one that a socket is bound to, so that a name is judged by what it stands for here.
    `prefix` is that of the variables, such as CLIENT_.
    """
    if access.owners_token is not None or access.insecure or is_loopback(ip_address(address)):
        return
    detail = (
        f"{prefix}TOKEN: missing; bound to {address}, the service can be reached from other machines: set "
        f"{prefix}TOKEN, or {prefix}INSECURE=yes if everybody there may change everything"
    )
    raise WrongInputError([{"field": f"{prefix}TOKEN", "value": None, "detail": detail}])

"""The control routes of both services over plain urllib, which works in and outside Locust's process."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from backend.settings import BackendSettings
from client.settings import ClientSettings
from inputs.environment import from_environment
from inputs.wrong_input import WrongInputError

if TYPE_CHECKING:
    from pydantic import SecretStr

_NOT_LET_IN = (401, 403)


class ServiceError(Exception):
    """A service did not do what a request wanted; the text says which, what, and its answer. `status`: 0 for none."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Service:
    """One service at a URL; `token` is sent along where there is one. Raises WrongInputError for a URL that is none."""

    def __init__(self, name: str, url: str, token: SecretStr | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            detail = f"{name}-url: got {url!r}; allowed: a URL that begins with http:// or https://"
            raise WrongInputError([{"field": f"{name}-url", "value": url, "detail": detail}])
        self.name = name
        # Whatever proxy the environment names, it is not meant for these two services.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.url = url.rstrip("/")
        self._token = None if token is None else token.get_secret_value()

    def get(self, path: str) -> dict[str, Any]:
        """Read. Raises ServiceError."""
        return self._request("GET", path, None)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Change something. Raises ServiceError."""
        return self._request(method, path, body)

    def _request(self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float = 10) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        try:
            request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - checked above
            if self._token is not None:  # not sent on to wherever an answer may lead
                request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            with self._opener.open(request, timeout=timeout_s) as response:
                return dict(json.loads(response.read()))
        except urllib.error.HTTPError as error:
            said = self._without_token(error.read().decode(errors="replace"))[:500]
            answer = f"{self.name} at {self.url}: {method} {path} answered {error.code}: {said}"
            raise ServiceError(answer, error.code) from error
        except (OSError, ValueError, TypeError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error or type(error).__name__
            raise ServiceError(f"{self.name} at {self.url}: cannot be reached ({reason})") from error

    def check(self, route: str) -> None:
        """Make sure that the right service answers, and that it lets us in. Raises WrongInputError."""
        try:
            self._request("GET", route, None, timeout_s=5)
            self._check_token()
        except ServiceError as error:
            hint = "" if error.status in _NOT_LET_IN else f"; is the {self.name} running there?"
            detail = f"{self.name}-url: {error}{hint}"
            raise WrongInputError([{"field": f"{self.name}-url", "value": self.url, "detail": detail}]) from error

    def _check_token(self) -> None:
        """Ask what our token allows: a route that only reads may be open, and the run is to change something."""
        variable = f"{self.name.upper()}_TOKEN"
        try:
            may = self.send("POST", "/login", {"token": self._token or ""}).get("may")
        except ServiceError as error:
            if error.status not in _NOT_LET_IN:  # an earlier version, which knows no tokens
                return
            wrong = "is not set" if self._token is None else "has another"
            raise ServiceError(f"{self.name} at {self.url}: needs its token, and {variable} {wrong}", 401) from error
        if may != "change":
            raise ServiceError(f"{self.name} at {self.url}: the token in {variable} is for reading alone", 403)

    def _without_token(self, text: str) -> str:
        """Return what a service said, which may repeat what was sent to it."""
        return text if self._token is None else text.replace(self._token, "(the token)")


def client_at(url: str) -> Service:
    """Return the client at a URL, with the token that CLIENT_TOKEN has for it. Raises WrongInputError."""
    return Service("client", url, from_environment(ClientSettings).owners_token)


def backend_at(url: str) -> Service:
    """Return the backend at a URL, with the token that BACKEND_TOKEN has for it. Raises WrongInputError."""
    return Service("backend", url, from_environment(BackendSettings).owners_token)

"""The control routes of both services over plain urllib, which works in and outside Locust's process."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from inputs.wrong_input import WrongInputError


class ServiceError(Exception):
    """A service did not do what a request wanted; the text says which, what, and its answer."""


class Service:
    """One service at a URL. Raises WrongInputError for a URL that is none."""

    def __init__(self, name: str, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            detail = f"{name}-url: got {url!r}; allowed: a URL that begins with http:// or https://"
            raise WrongInputError([{"field": f"{name}-url", "value": url, "detail": detail}])
        self.name = name
        # Whatever proxy the environment names, it is not meant for these two services.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.url = url.rstrip("/")

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
            with self._opener.open(request, timeout=timeout_s) as response:
                return dict(json.loads(response.read()))
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            raise ServiceError(f"{self.name} at {self.url}: {method} {path} answered {error.code}: {said}") from error
        except (OSError, ValueError, TypeError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error or type(error).__name__
            raise ServiceError(f"{self.name} at {self.url}: cannot be reached ({reason})") from error

    def check(self, route: str) -> None:
        """Make sure that the right service answers. Raises WrongInputError."""
        try:
            self._request("GET", route, None, timeout_s=5)
        except ServiceError as error:
            detail = f"{self.name}-url: {error}; is the {self.name} running there?"
            raise WrongInputError([{"field": f"{self.name}-url", "value": self.url, "detail": detail}]) from error

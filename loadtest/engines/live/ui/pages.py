"""The lab's own pages in Locust's web server: the form's target, the Breaker tab, and the runs with their reports.

All of it by what Locust offers for that: routes and hooks of its Flask application. Locust's files stay as they are.
"""

from __future__ import annotations

import json
import logging
import secrets
import stat
from base64 import b64encode
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

from flask import Blueprint, Response, g, jsonify, make_response, redirect, request, send_file
from werkzeug.exceptions import HTTPException

from client.dashboard import looks
from inputs.wrong_input import WrongInputError
from loadtest.engines.live.ui import door

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from flask import Flask
    from werkzeug.wrappers import Response as AnyResponse

    from service.guard.hosts import AllowedHosts
    from service.guard.tokens import Tokens

log = logging.getLogger("breaker-lab")

# A run's files, and nothing else that may lie in the folder of results.
_SERVED = {
    ".html": "text/html",
    ".md": "text/plain",
    ".json": "application/json",
    ".jsonl": "text/plain",
    ".csv": "text/csv",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
TAB = {"title": "Breaker", "key": "breaker"}
# Pages that stand alone, as reports do: their own scripts run, and reach nothing.
_STANDS_ALONE = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_NOTHING = f"sha256-{b64encode(sha256(b'').digest()).decode()}"
_ALONE = frozenset({"breaker_lab.run_file", "locust.stats_report"})


class RunDesk(Protocol):
    """What the pages need of the load generator."""

    @property
    def results(self) -> Path:
        """Return the folder of all runs."""

    @property
    def client_url(self) -> str:
        """Return the address of the client, which Locust's page shows as the host."""

    def start(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Start what the form asks for. Raises WrongInputError."""

    def stop_preparing(self) -> None:
        """See to it that a run which is still being prepared does not begin."""

    def progress(self) -> dict[str, Any]:
        """Return what the Breaker tab shows."""


def install_pages(app: Flask, lab: RunDesk, hosts: AllowedHosts, tokens: Tokens) -> None:
    """Put the door before Locust's application, take over its routes that start something, and add the lab's pages."""
    app.wsgi_app = door.Door(app.wsgi_app, hosts, tokens)  # type: ignore[method-assign]  # as Flask recommends
    # No page of Flask's for errors; and JSON as Locust writes it, whose debug mode indents it.
    app.debug = False
    app.json.compact = False  # type: ignore[attr-defined]  # of Flask's own provider
    app.register_blueprint(_routes(lab))
    _take_over(app, lab)
    _answer_errors_as_text(app)

    head = _head(can_log_out=tokens.guards_change)

    @app.before_request
    def draw_nonce() -> None:
        g.nonce = secrets.token_urlsafe(16)

    @app.after_request
    def add_tab(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            page = response.get_data(as_text=True).replace("</head>", f"{head}\n  </head>", 1)
            # In what Locust writes into its page, each `<` is escaped: these are the page's own elements.
            for element in ("script", "style"):
                page = page.replace(f"<{element}", f'<{element} nonce="{g.nonce}"')
            response.set_data(page)
            response.headers["Content-Security-Policy"] = _policy_of_locusts_page(g.nonce)
            response.headers["Cache-Control"] = "no-store"
        elif request.endpoint in _ALONE and response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = _STANDS_ALONE
        return response


def _policy_of_locusts_page(nonce: str) -> str:
    """Return what Locust's page may do: what has the nonce runs, nothing else, and it talks to this server alone.

    It fills empty `style` elements by script, which needs the hash of nothing, and sets styles of single elements.
    """
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; "
        f"style-src-elem 'self' 'nonce-{nonce}' '{_NOTHING}'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _take_over(app: Flask, lab: RunDesk) -> None:
    """Put the lab's own functions behind three of Locust's routes. Raises KeyError if Locust no longer has one.

    Locust's own `swarm` writes every field that has the name of an option into that option, with or without the form.
    """
    locusts_stop = app.view_functions["locust.stop"]

    def swarm() -> Response:
        try:
            lab.start(dict(request.form.lists()))
        except WrongInputError as error:
            return jsonify({"success": False, "message": str(error), "host": lab.client_url})
        said = "Swarming started: the scenario defines the load"
        return jsonify({"success": True, "message": said, "host": lab.client_url})

    def stop() -> Any:
        lab.stop_preparing()
        return locusts_stop()

    def update_user() -> Response:
        return _problem(404, "the lab's users have nothing to set; the form has the fields of a run")

    for name, view in (("locust.swarm", swarm), ("locust.stop", stop), ("locust.update_user", update_user)):
        if name not in app.view_functions:
            raise KeyError(name)
        app.view_functions[name] = view


def _answer_errors_as_text(app: Flask) -> None:
    """Answer errors as problem details; those that Locust answers itself, as plain text, for they repeat the sender."""

    @app.errorhandler(Exception)
    def explain(error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.code is not None:
            headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Location")}
            return _problem(error.code, error.description or error.name, headers)
        log.error("%s %s: %s", request.method, request.path, error, exc_info=error)
        return _problem(500, f"{type(error).__name__}; the log of the web UI has more")

    @app.after_request
    def make_plain(response: Response) -> Response:
        if response.status_code >= 400 and response.mimetype == "text/html":
            response.mimetype = "text/plain"
        return response


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    answer = door.problem(status, detail, headers)
    return Response(answer.body, answer.status, dict(answer.headers))


def _routes(lab: RunDesk) -> Blueprint:
    pages = Blueprint("breaker_lab", __name__)

    @pages.route("/breaker/progress")
    def progress() -> Response:
        answer = jsonify(lab.progress())
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @pages.route("/breaker/tab.<kind>")
    def tab(kind: str) -> Response:
        types = {"js": "application/javascript", "css": "text/css"}
        if kind not in types:
            return make_response("there is no such file", 404)
        text = (resources.files("loadtest.engines.live.ui") / "web" / f"tab.{kind}").read_text(encoding="utf-8")
        return Response(text, mimetype=types[kind], headers={"Cache-Control": "no-cache"})

    @pages.route("/results")
    def all_runs() -> AnyResponse:
        return redirect("results/index.html")

    @pages.route("/results/")
    @pages.route("/results/<path:name>")
    def run_file(name: str = "index.html") -> Response:
        path = find_file(lab.results, name)
        if path is None:
            # As plain text: the name is whatever somebody has put into a link.
            return Response(f"there is no file {name[:80]} among the runs", 404, mimetype="text/plain")
        return send_file(path, mimetype=_SERVED[path.suffix], conditional=True, max_age=0)

    return pages


def _head(*, can_log_out: bool) -> str:
    """Return what the tab needs in the page's head; its script and its style sheet take the looks from there."""
    known = looks.looks_json()
    colours = "".join(
        f"--{name.replace('_', '-')}:{look['colour']};"
        for kind in known.values()
        for name, look in kind.items()
        if look["colour"] != "none"
    )
    return (
        f'    <meta name="breaker-log-out" content="{"yes" if can_log_out else "no"}">\n'
        '    <link rel="stylesheet" href="./breaker/tab.css">\n'
        f"    <style>#breaker-lab {{ {colours} }}</style>\n"
        f'    <script type="application/json" id="breaker-looks">{json.dumps(known)}</script>\n'
        '    <script src="./breaker/tab.js" defer></script>'
    )


def find_file(root: Path, name: str) -> Path | None:
    """Return the file of a run that `name` stands for, or None: no other file, wherever a link or a `..` leads.

    By hand, since werkzeug's safe_join() looks at the name alone: it follows links out, and serves hidden files.
    """
    parts = name.split("/")
    if any(part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    if parts[-1] == "":
        parts[-1] = "index.html"
    try:
        inside = root.resolve(strict=True)
        path = inside.joinpath(*parts).resolve(strict=True)
        known = path.is_relative_to(inside) and path.suffix in _SERVED and stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError, RuntimeError):
        return None
    hidden = known and any(part.startswith(".") for part in path.relative_to(inside).parts)
    return path if known and not hidden else None

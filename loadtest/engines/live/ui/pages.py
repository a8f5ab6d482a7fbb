"""The lab's own pages in Locust's web server: the form's check, the Breaker tab, and the runs with their reports.

All of it by what Locust offers for that: routes and hooks of its Flask application. Locust's files stay as they are.
"""

from __future__ import annotations

import json
import stat
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

from flask import Blueprint, Response, jsonify, make_response, redirect, request, send_file

from client.dashboard import looks
from inputs.wrong_input import WrongInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from flask import Flask
    from werkzeug.wrappers import Response as AnyResponse

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


class RunDesk(Protocol):
    """What the pages need of the load generator."""

    results: Path

    def prepare(self, form: Mapping[str, Sequence[str]]) -> None:
        """Make ready what the form asks for. Raises WrongInputError."""

    def progress(self) -> dict[str, Any]:
        """Return what the Breaker tab shows."""


def install_pages(app: Flask, lab: RunDesk, guarded: Callable[..., Any]) -> None:
    """Add the pages; `guarded` is Locust's own decorator, which asks for a login where there is one."""
    app.register_blueprint(_routes(lab, guarded))

    @app.before_request
    def check_form() -> Response | None:
        if (request.method, request.endpoint) != ("POST", "locust.swarm"):
            return None
        try:
            lab.prepare(dict(request.form.lists()))
        except WrongInputError as error:
            return jsonify({"success": False, "message": str(error)})
        return None

    @app.after_request
    def add_tab(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            page = response.get_data(as_text=True)
            response.set_data(page.replace("</head>", f"{_head()}\n  </head>", 1))
        return response


def _routes(lab: RunDesk, guarded: Callable[..., Any]) -> Blueprint:
    pages = Blueprint("breaker_lab", __name__)

    @pages.route("/breaker/progress")
    @guarded
    def progress() -> Response:
        answer = jsonify(lab.progress())
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @pages.route("/breaker/tab.<kind>")
    @guarded
    def tab(kind: str) -> Response:
        types = {"js": "application/javascript", "css": "text/css"}
        if kind not in types:
            return make_response("there is no such file", 404)
        text = (resources.files("loadtest.engines.live.ui") / "web" / f"tab.{kind}").read_text(encoding="utf-8")
        return Response(text, mimetype=types[kind], headers={"Cache-Control": "no-cache"})

    @pages.route("/results")
    @guarded
    def all_runs() -> AnyResponse:
        return redirect("results/index.html")

    @pages.route("/results/")
    @pages.route("/results/<path:name>")
    @guarded
    def run_file(name: str = "index.html") -> Response:
        path = find_file(lab.results, name)
        if path is None:
            # As plain text: the name is whatever somebody has put into a link.
            return Response(f"there is no file {name} among the runs", 404, mimetype="text/plain")
        answer = send_file(path, mimetype=_SERVED[path.suffix], conditional=True, max_age=0)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    return pages


def _head() -> str:
    """Return what the tab needs in the page's head; its script and its style sheet take the looks from there."""
    known = looks.looks_json()
    colours = "".join(
        f"--{name.replace('_', '-')}:{look['colour']};"
        for kind in known.values()
        for name, look in kind.items()
        if look["colour"] != "none"
    )
    return (
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

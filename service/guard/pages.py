"""Pages that a service writes itself: the log-in form, and a small page about a service that has none of its own.

They need no scripts, and load nothing.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 44rem; margin: 3rem auto; padding: 0 1.5rem; font: 1rem/1.5 system-ui, sans-serif; }
input, button { font: inherit; padding: .4rem .8rem; }
input { width: min(100%, 26rem); box-sizing: border-box; margin-right: .5rem; }
td { padding: .2rem 1.2rem .2rem 0; vertical-align: top; }
[role=alert] { font-weight: 600; }
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
# A page without a referrer would send its form with `Origin: null`.
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOG_OUT = '<form method="post" action="logout"><button>Log out</button></form>'


def login_page(title: str, variable: str, *, wrong: bool = False) -> str:
    """Return a page that asks for the token in `variable`; `wrong`: it follows one that was not it."""
    said = '<p role="alert">That is not the token.</p>\n' if wrong else ""
    return _page(
        title,
        f"""{said}<form method="post" action="login">
<p><label for="token">Token: the value of <code>{escape(variable)}</code></label></p>
<p><input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button></p>
</form>
<p>Programs send it as <code>Authorization: Bearer TOKEN</code>.</p>""",
    )


def routes_page(title: str, about: str, routes: Iterable[tuple[str, str, str]], *, log_out: bool) -> str:
    """Return a page about a service: its routes as (method, path, summary), those for reading as links."""
    rows = "\n".join(
        f"<tr><td>{escape(method)}</td><td>{_link(method, path)}</td><td>{escape(summary)}</td></tr>"
        for method, path, summary in routes
    )
    return _page(title, f"<p>{escape(about)}</p>\n<table>\n{rows}\n</table>\n{LOG_OUT if log_out else ''}")


def _link(method: str, path: str) -> str:
    shown = escape(path)
    return f'<a href="{shown.removeprefix("/")}">{shown}</a>' if method == "GET" else shown


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
</body>
</html>
"""

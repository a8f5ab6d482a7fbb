"""The attacks, in the order in which they run.

Their time limits are for a busy machine and for services that do not hold: all of them together take about 10 minutes.
"""

from __future__ import annotations

from bench.attack.ground import Attack
from bench.attack.kinds import (
    bodies,
    commands,
    descriptors,
    disk,
    floods,
    forms,
    heads,
    hosts,
    kills,
    locks,
    pages,
    paths,
    schemas,
    smuggling,
    streams,
    tokens,
    values,
)

ATTACKS = (
    Attack("values", "bad values on every knob, the state compared before and after", values.attack, 60),
    Attack("bodies", "many keys, deep, long, endless, wrong length, broken text", bodies.attack, 90),
    Attack("heads", "half heads, slow bytes, huge and many lines, garbage", heads.attack, 60),
    Attack("smuggling", "pipelines, and requests with two lengths", smuggling.attack, 40),
    Attack("hosts", "foreign Host and Origin on every route of all three services", hosts.attack, 60),
    Attack("tokens", "every route without a token, with a wrong and the right one", tokens.attack, 90),
    Attack("paths", "paths that lead out of the dashboard and the results", paths.attack, 45),
    Attack("pages", "scripts in ids, titles and answers", pages.attack, 75),
    Attack("streams", "readers of /events that never read", streams.attack, 100),
    Attack("floods", "1,000 idle and half-sent connections, storms of resets", floods.attack, 90),
    Attack("descriptors", "more connections than the service may open", descriptors.attack, 45, quick=False),
    Attack("forms", "Locust's form: hidden options, typing errors, double starts", forms.attack, 120, quick=False),
    Attack("commands", "odd files and options on the command line", commands.attack, 150, quick=False),
    Attack("disk", "files that may not grow, a folder that goes away", disk.attack, 120, quick=False),
    Attack("full-disk", "a file system that is full before, during and at the end", disk.attack_full, 60, quick=False),
    Attack("locks", "links in the place of lock files", locks.attack, 60, quick=False),
    Attack("kills", "kill -9 of each process, SIGTERM under load", kills.attack, 120, quick=False),
    Attack("schemas", "schemathesis over both OpenAPIs", schemas.attack, 100, quick=False),
)

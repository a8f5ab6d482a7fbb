"""The page at GET /: what the breaker does, live, and the knobs of both services.

`feed` says what happens, a few times a second; `page` serves the files of `static`; `traffic` is the button that sends
a little load; `routes` puts them together.
"""

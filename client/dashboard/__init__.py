"""The page at GET /: what the breaker does, live, and the knobs of both services.

`feed` tells what happens, a few times a second; `page` serves the files of `static`, plain JavaScript modules;
`traffic` is the button that sends a light load. Its routes are in `client.http.dashboard`. A new setting needs
nothing here: the forms come from the models' schemas.
"""

"""Settings for a real service, from its fault profile or its access log.

A format of access log goes to the reader, a price to `objective`, a policy's search space to `space`, a library to
paste into to `snippets`. Scoring every point of a grid is `sweep`.
"""

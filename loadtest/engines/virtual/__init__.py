"""The client's and the backend's own code on a clock that jumps.

It calls the classes that the two services wrap, and copies none of their code. The clock itself is `virtual_clock`.
"""

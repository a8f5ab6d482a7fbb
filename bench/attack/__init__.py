"""A battery of attacks on the lab's own services: python -m bench.attack.

Each kind of attack is one file in `kinds`, and one line in `registry`. It starts services of its own on free ports of
the loopback, does what a stranger might do, and says what did not hold. It knows of them what anybody can see.
"""

"""One executable question per trap, asked of every breaker there is to compare with.

A new question goes into the file of its subject (`concurrency`, `counting`, `clocks`, ...) and into `questions`. How
a library is called belongs to its adapter in `bench.peers`.
"""

"""What a protected call costs, each figure against something measured in the same run.

Benchmarks, the soak, the attacks and the questions to other libraries go here; it may import everything, and nothing
imports it. A property that must always hold is a test, not a benchmark.
"""

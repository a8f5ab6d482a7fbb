"""The limits of what people may give, each once. The page docs/security.md lists them."""

from __future__ import annotations

# Mistakes that are told of one input; the others are counted.
MOST_PROBLEMS = 20
# Characters of a value, or of a name that is not ours, in an answer.
LONGEST_VALUE = 80
# Levels of objects, lists and tables inside each other. No model of the lab has ten.
DEEPEST = 50
# Values in one JSON body. A fault plan of 1,000 phases with every setting written out has 25,000.
MOST_VALUES = 40_000
# Bytes of a scenario file, which is no longer than the plan of faults in it may be.
LONGEST_SCENARIO = 1_048_576
# Bytes of a JSON file of a run, such as its manifest, and of one line of its rows.
LONGEST_JSON_FILE = 20_000_000
LONGEST_ROW = 1_048_576

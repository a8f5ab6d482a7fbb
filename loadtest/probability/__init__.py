"""How likely it is that a breaker trips, and how long that takes: exact where a chain can be followed, else simulated.

One question, one way through: `question` (what is asked, checked) -> `channel` (which calls fail) -> `chains` and `law`
(exact) or `simulation` (the lab's own breakers) -> `answer` (figures, each with how it was found) -> `table` (words).
"""

from loadtest.probability.closed_form import mean_calls_to_trip, trip_probability

__all__ = ["mean_calls_to_trip", "trip_probability"]

"""The fate of each request: seeded, and distributed as asked."""

from __future__ import annotations

import math
from itertools import groupby
from statistics import fmean, pstdev
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.faults import Fault, draw
from backend.profile import FaultProfile
from backend.weather import WeatherKey, uniform


def key(position: int, seed: int = 1, attempt: int = 1) -> WeatherKey:
    return WeatherKey(seed, str(position), position, attempt)


def kinds(profile: dict[str, Any], positions: range, seed: int = 1) -> str:
    """First letters of the fates: ok, error, hang, reset, unreachable."""
    checked = FaultProfile.model_validate(profile)
    return "".join(draw(checked, key(position, seed)).kind[0] for position in positions)


PROFILES = st.builds(
    FaultProfile,
    error_rate=st.floats(0, 1),
    hang_rate=st.floats(0, 0.5),
    reset_rate=st.floats(0, 0.5),
    latency=st.sampled_from(
        [
            {"mean_s": 0.1},
            {"distribution": "uniform", "mean_s": 1, "spread_s": 1 / math.sqrt(3)},
            {"distribution": "exponential", "mean_s": 3600},
            {"distribution": "lognormal", "mean_s": 1e-9, "spread_s": 1e-6},
        ]
    ),
)
KEYS = st.builds(
    WeatherKey, seed=st.integers(0, 2**63 - 1), request_id=st.text(), position=st.integers(1), attempt=st.integers(1, 9)
)


@settings(max_examples=50)
@given(PROFILES, KEYS)
def test_a_fate_depends_on_profile_and_key_only(profile: FaultProfile, where: WeatherKey) -> None:
    """Drawing twice gives the same fate, whatever was drawn in between."""
    first = draw(profile, where)
    draw(profile, key(99))

    assert draw(profile, where) == first


@settings(max_examples=50)
@given(PROFILES, KEYS)
def test_a_fate_keeps_its_bounds(profile: FaultProfile, where: WeatherKey) -> None:
    """The kind is one of the possible ones, a status goes with its kind, and no latency is NaN or negative."""
    fault = draw(profile, where)

    assert {"ok": 200, "error": 500, "hang": 0, "reset": 0}[fault.kind] == fault.status
    assert fault.latency_s >= -1e-12
    assert (fault.latency_s == math.inf) == (fault.kind == "hang")


@settings(max_examples=50)
@given(st.lists(st.one_of(st.integers(), st.text(), st.floats(allow_nan=False)), max_size=5))
def test_uniform_never_meets_its_ends(parts: list[object]) -> None:
    """The inverse of a distribution function may be asked for any draw."""
    assert 0 < uniform(*parts) < 1


def test_the_first_fates_are_fixed() -> None:
    """A recorded run can be repeated with another version of the lab: the draws themselves never change."""
    assert kinds({"error_rate": 0.5}, range(1, 31)) == "eooooeeoooeooeeoeeoeooeooeoooo"
    assert uniform(1, "7", 1, "latency") == 0.9670803914817554


@pytest.mark.parametrize(
    "other",
    [WeatherKey(2, "7", 7), WeatherKey(1, "8", 7), WeatherKey(1, "7", 7, attempt=2)],
    ids=["seed", "request id", "attempt"],
)
def test_each_part_of_the_key_changes_the_draw(other: WeatherKey) -> None:
    """Another seed, request or attempt meets another weather."""
    profile = FaultProfile.model_validate({"latency": {"distribution": "exponential", "mean_s": 1}})

    assert draw(profile, WeatherKey(1, "7", 7)) != draw(profile, other)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3, 0.49, 1.0])
def test_the_error_rate_is_the_share_of_failures(rate: float) -> None:
    """Over 8,000 keys the share lies within 4 binomial standard deviations."""
    count = 8_000

    failures = kinds({"error_rate": rate}, range(1, count + 1)).count("e")

    assert abs(failures - rate * count) <= 4 * math.sqrt(count * rate * (1 - rate))


@pytest.mark.parametrize(
    ("latency", "mean_s", "spread_s"),
    [
        ({"distribution": "constant", "mean_s": 0.25}, 0.25, 0.0),
        ({"distribution": "uniform", "mean_s": 0.5, "spread_s": 0.1}, 0.5, 0.1),
        ({"distribution": "exponential", "mean_s": 0.5}, 0.5, 0.5),
        ({"distribution": "lognormal", "mean_s": 0.5, "spread_s": 0.5}, 0.5, 0.5),
        ({"distribution": "lognormal", "mean_s": 2, "spread_s": 0}, 2.0, 0.0),
    ],
    ids=["constant", "uniform", "exponential", "lognormal", "lognormal without spread"],
)
def test_a_latency_has_its_mean_and_spread(latency: dict[str, Any], mean_s: float, spread_s: float) -> None:
    """8,000 draws have the asked mean within 3 % and the asked standard deviation within 5 %."""
    profile = FaultProfile.model_validate({"latency": latency})

    found = [draw(profile, key(position)).latency_s for position in range(1, 8_001)]

    assert fmean(found) == pytest.approx(mean_s, rel=0.03)
    assert pstdev(found) == pytest.approx(spread_s, rel=0.05, abs=1e-12)


@pytest.mark.parametrize(
    ("rate", "mean_length"),
    [(0.3, 5.0), (0.5, 2.0), (0.1, 20.0), (0.2, 1.25)],
    ids=["5 long", "independent", "rare and long", "independent, rare"],
)
def test_bursts_have_their_rate_and_mean_length(rate: float, mean_length: float) -> None:
    """The chain over 8,000 positions: share and mean run of failures, within 4 standard deviations.

    A share over n steps of a two-state chain whose correlation fades by c a step has variance
    p (1 - p) / n * (1 + c) / (1 - c); a geometric run of mean L has variance L (L - 1).
    """
    count = 8_000
    fates = kinds({"bursts": {"rate": rate, "mean_length": mean_length}}, range(1, count + 1))
    runs = [len(list(run)) for letter, run in groupby(fates) if letter == "e"]

    fading = 1 - 1 / (mean_length * (1 - rate))
    share_off = math.sqrt(rate * (1 - rate) / count * (1 + fading) / (1 - fading))
    length_off = math.sqrt(mean_length * (mean_length - 1) / len(runs))

    assert fates.count("e") / count == pytest.approx(rate, abs=4 * share_off)
    assert fmean(runs) == pytest.approx(mean_length, abs=4 * length_off)


def test_a_share_of_a_burst_hangs() -> None:
    """The failures come where they came, and some of them, or all, are never answered."""
    burst = {"rate": 0.3, "mean_length": 8}
    fates = {share: kinds({"bursts": {**burst, "hang_share": share}}, range(1, 4001)) for share in (0.0, 0.4, 1.0)}

    assert fates[1.0] == fates[0.0].replace("e", "h")
    assert fates[0.4].replace("h", "e") == fates[0.0]
    assert fates[0.4].count("h") / fates[0.0].count("e") == pytest.approx(0.4, abs=0.06)


def test_bursts_do_not_depend_on_the_order_of_asking() -> None:
    """Requests overtake each other; the chain's state at a position stays the same."""
    profile = FaultProfile.model_validate({"bursts": {"rate": 0.3, "mean_length": 8}})
    forward = {position: draw(profile, key(position)) for position in range(1, 2001)}
    backward = {position: draw(profile, key(position)) for position in range(2000, 0, -1)}

    assert backward == forward


def test_bursts_of_rate_zero_never_fail() -> None:
    """The bad state that is never entered."""
    assert kinds({"bursts": {"rate": 0, "mean_length": 3}}, range(1, 201)) == "o" * 200


@pytest.mark.parametrize("errors", [{"bursts": {"rate": 0, "mean_length": 1000}}, {"error_rate": 0}])
def test_no_failures_cost_no_draws(errors: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The one draw is the latency's."""
    drawn = []
    for module in ("weather", "faults"):
        monkeypatch.setattr(
            f"backend.{module}.uniform_from_bytes", lambda key: drawn.append(key.rpartition(b"\x1f")[2]) or 0.5
        )

    assert draw(FaultProfile.model_validate(errors), key(7)).kind == "ok"
    assert drawn == [b"latency"]


@pytest.mark.parametrize(("failures", "of"), [(3, 10), (0, 4), (4, 4), (1, 100)])
def test_an_exact_ratio_is_exact_in_each_block(failures: int, of: int) -> None:
    """Each block of `of` requests has that many failures, no more, no fewer."""
    fates = kinds({"exact_ratio": {"failures": failures, "of": of}}, range(1, 3 * of + 1))

    assert [fates[start : start + of].count("e") for start in (0, of, 2 * of)] == [failures] * 3


def test_an_exact_ratio_draws_each_block_anew() -> None:
    """The failures do not come at the same places in each block."""
    fates = kinds({"exact_ratio": {"failures": 3, "of": 10}}, range(1, 101))

    assert len({fates[start : start + 10] for start in range(0, 100, 10)}) > 5


def test_a_sequence_is_followed_then_all_is_well() -> None:
    """The document's own sequence, request by request, whatever the seed; success after its end."""
    profile = {"sequence": "SFFSFFFFF"}

    assert kinds(profile, range(1, 13)) == "oeeoeeeeeooo"
    assert kinds(profile, range(1, 13), seed=99) == "oeeoeeeeeooo"


def test_hangs_and_resets_have_their_shares() -> None:
    """Hang and reset come before the error rate, which holds for the rest: 0.2, 0.1, and half of 0.7."""
    count = 8_000
    fates = kinds({"error_rate": 0.5, "hang_rate": 0.2, "reset_rate": 0.1}, range(1, count + 1))
    expected = {"h": 0.2, "r": 0.1, "e": 0.35, "o": 0.35}

    off = {
        letter: abs(fates.count(letter) - p * count) / math.sqrt(count * p * (1 - p)) for letter, p in expected.items()
    }

    assert {letter: sigmas < 4 for letter, sigmas in off.items()} == dict.fromkeys(expected, True)


def test_a_hang_lasts_for_ever_and_a_reset_comes_after_the_work() -> None:
    """Whole fates of the kinds without an answer."""
    slow = {"latency": {"mean_s": 0.5}}

    assert [
        draw(FaultProfile.model_validate({**slow, **fault}), key(1))
        for fault in (
            {"hang_rate": 1},
            {"reset_rate": 1},
            {"unreachable": True},
            {"error_rate": 1, "error_status": 502},
        )
    ] == [
        Fault("hang", 0, math.inf),
        Fault("reset", 0, 0.5),
        Fault("unreachable", 0, 0.0),
        Fault("error", 502, 0.5),
    ]


def test_a_fault_added_to_a_profile_leaves_the_other_draws_alone() -> None:
    """Common random numbers: resets take requests out, and all others meet what they met without resets."""
    plain = {"error_rate": 0.3, "latency": {"distribution": "exponential", "mean_s": 1}}
    before = [draw(FaultProfile.model_validate(plain), key(position)) for position in range(1, 501)]
    after = [
        draw(FaultProfile.model_validate({**plain, "reset_rate": 0.2}), key(position)) for position in range(1, 501)
    ]

    assert [(old, new) for old, new in zip(before, after, strict=True) if new.kind != "reset" and new != old] == []
    assert [old.latency_s for old in before] == [new.latency_s for new in after]

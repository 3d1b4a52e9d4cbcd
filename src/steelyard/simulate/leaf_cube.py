"""A cube of sessions and orders by day and leaf, with an incident whose true segments are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from steelyard.errors import DefinitionError

__all__ = ["DIMENSIONS", "INCIDENTS", "Incident", "LeafCube", "leaf_cube"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DIMENSIONS = ("country", "platform", "version", "channel", "payment")
INCIDENTS = ("one cause", "two that cancel", "mix and rate", "nothing")
COUNTRIES, PLATFORMS, VERSIONS, CHANNELS, PAYMENTS = 12, 3, 2, 6, 4  # versions: of each platform
LEAF_NOISE, DAY_NOISE = 0.07, 0.03
WEEKDAYS = np.array([1.0, 0.97, 0.96, 1.0, 1.1, 1.25, 1.15])
SHARE = (0.03, 0.25)
HIT = 0.95


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One true cause.

    Args:
        segment: Dimension -> value.
        kind: `volume` (sessions) or `rate` (orders of a session).
        factor: What it is multiplied by.
    """

    segment: tuple[tuple[str, str], ...]
    kind: Literal["volume", "rate"]
    factor: float


@dataclass(frozen=True, kw_only=True)
class LeafCube:
    """Sessions and orders of every leaf and day; the last day is the one with the incident.

    Args:
        codes: Values of the five dimensions at each leaf; shape (leaves, 5).
        labels: The names of the values, by dimension.
        sessions: Shape (leaves, days).
        orders: The same.
        truth: What was injected into the last day.
    """

    codes: I64
    labels: tuple[tuple[str, ...], ...]
    sessions: I64
    orders: I64
    truth: tuple[Incident, ...]

    def members(self, segment: Sequence[tuple[str, str]]) -> Mask:
        """Which leaves are in a segment."""
        inside = np.ones(len(self.codes), dtype=np.bool_)
        for dimension, value in segment:
            place = DIMENSIONS.index(dimension)
            inside &= self.codes[:, place] == self.labels[place].index(value)
        return inside

    def f1(self, found: Sequence[Mask], kind: str) -> float:
        """How well segments that were found are the true causes of a kind: the harmonic mean of precision and recall.

        A hit has, weighed by sessions, 95 % or more of both segments in common (Jaccard index).

        Args:
            found: The leaves of each.
            kind: `volume` or `rate`.
        """
        volume = self.sessions[:, :-1].mean(axis=1)
        truth = [self.members(cause.segment) for cause in self.truth if cause.kind == kind]

        def same(one: Mask, other: Mask) -> bool:
            return bool(volume[one & other].sum() >= HIT * volume[one | other].sum())

        if not found or not truth:
            return float(len(found) == len(truth))
        precise = sum(any(same(item, true) for true in truth) for item in found) / len(found)
        complete = sum(any(same(item, true) for item in found) for true in truth) / len(truth)
        return 2 * precise * complete / (precise + complete) if precise else 0.0


def leaf_cube(incident: str, seed: int, *, volume: float = 1.0, weeks: int = 8) -> LeafCube:
    """A cube of 1,728 leaves: country x platform and version x channel x payment; versions belong to one platform.

    Shares of values fall off as in a shop (a large country has many times a small one's sessions), and leaves depart
    from the product of them. A day's sessions are Poisson about leaf x weekday x a common factor of the day (3 % noise)
    x a factor of leaf and day (7 %); orders are binomial, with the same two noises on their rate. The last day, after
    `weeks` weeks, has the incident:

    - `one cause`: a segment of one to three conditions loses 30 to 60 % of its sessions;
    - `two that cancel`: one loses 30 to 50 %, and another, apart from it, gains as many sessions;
    - `mix and rate`: one has 1.6 to 2.4 times the sessions at an unchanged rate; the rate of another falls 30 to 50 %;
    - `nothing`.

    Segments have 3 to 25 % of the sessions, so that an incident is five standard deviations or more at volume 1.

    Args:
        incident: One of `INCIDENTS`.
        seed: Any whole number from 0.
        volume: 1 is about 200,000 sessions a day, 116 a leaf on average and under ten in many.
        weeks: Of history before the last day.

    Raises:
        DefinitionError: The incident is none of them.

    >>> cube = leaf_cube("one cause", seed=3)
    >>> cube.sessions.shape, len(cube.truth), cube.truth[0].kind
    ((1728, 57), 1, 'volume')
    """
    if incident not in INCIDENTS:
        raise DefinitionError(f"{incident!r} is no incident", hint=f"there are {', '.join(INCIDENTS)}")
    random = np.random.default_rng([seed, INCIDENTS.index(incident)])
    codes, labels = _leaves()
    mean, rate = _means(codes, random, volume)
    days = weeks * 7 + 1
    sessions, rates = (
        base[:, None] * (1 + LEAF_NOISE * random.standard_normal((len(codes), days))).clip(0.1)
        * (1 + DAY_NOISE * random.standard_normal(days)) for base in (mean, rate)
    )  # fmt: skip
    sessions *= WEEKDAYS[np.arange(days) % 7]
    truth = _injected(incident, codes, labels, mean, random)
    cube = LeafCube(codes=codes, labels=labels, sessions=np.empty(0), orders=np.empty(0), truth=truth)  # type: ignore[arg-type]
    for cause in truth:
        inside = cube.members(cause.segment)
        (sessions if cause.kind == "volume" else rates)[inside, -1] *= cause.factor
    seen = random.poisson(sessions)
    orders = random.binomial(seen, np.minimum(rates, 0.9))
    return LeafCube(codes=codes, labels=labels, sessions=seen, orders=orders, truth=truth)


def _leaves() -> tuple[I64, tuple[tuple[str, ...], ...]]:
    grid = np.indices((COUNTRIES, PLATFORMS * VERSIONS, CHANNELS, PAYMENTS)).reshape(4, -1)
    codes = np.stack([grid[0], grid[1] // VERSIONS, grid[1], grid[2], grid[3]], axis=1)
    sizes = (COUNTRIES, PLATFORMS, PLATFORMS * VERSIONS, CHANNELS, PAYMENTS)
    labels = tuple(
        tuple(f"{name}_{number}" for number in range(size)) for name, size in zip(DIMENSIONS, sizes, strict=True)
    )
    return codes.astype(np.int64), labels


def _means(codes: I64, random: np.random.Generator, volume: float) -> tuple[F64, F64]:
    """Sessions a day, and orders of a session, of each leaf."""
    size = np.exp(0.3 * random.standard_normal(len(codes)))
    rate = 0.12 * np.exp(0.1 * random.standard_normal(len(codes)))
    for column in (0, 2, 3, 4):
        values = int(codes[:, column].max()) + 1
        shares = np.arange(1, values + 1) ** -0.8
        size *= random.permutation(shares)[codes[:, column]]
        rate *= np.exp(0.25 * random.standard_normal(values))[codes[:, column]]
    return size / size.sum() * 200_000 * volume, rate


def _injected(
    incident: str, codes: I64, labels: tuple[tuple[str, ...], ...], mean: F64, random: np.random.Generator
) -> tuple[Incident, ...]:
    if incident == "nothing":
        return ()
    first, inside = _segment(codes, labels, mean, random, apart=None)
    if incident == "one cause":
        return (Incident(segment=first, kind="volume", factor=random.uniform(0.4, 0.7)),)
    second, other = _segment(codes, labels, mean, random, apart=inside)
    if incident == "mix and rate":
        return (
            Incident(segment=first, kind="volume", factor=random.uniform(1.6, 2.4)),
            Incident(segment=second, kind="rate", factor=random.uniform(0.5, 0.7)),
        )
    lost = random.uniform(0.3, 0.5) * min(float(mean[inside].sum()), float(mean[other].sum()))
    return (
        Incident(segment=first, kind="volume", factor=1 - lost / float(mean[inside].sum())),
        Incident(segment=second, kind="volume", factor=1 + lost / float(mean[other].sum())),
    )


def _segment(
    codes: I64, labels: tuple[tuple[str, ...], ...], mean: F64, random: np.random.Generator, apart: Mask | None
) -> tuple[tuple[tuple[str, str], ...], Mask]:
    """One to three conditions, none of them implied by another, of the right size, and apart from another segment."""
    while True:
        chosen = sorted(random.choice(5, size=random.integers(1, 4), replace=False))
        leaf = codes[random.integers(len(codes))]
        inside: Mask = (codes[:, chosen] == leaf[chosen]).all(axis=1)
        share = mean[inside].sum() / mean.sum()
        nested = 1 in chosen and 2 in chosen
        if nested or not SHARE[0] <= share <= SHARE[1] or (apart is not None and (inside & apart).any()):
            continue
        if apart is not None and not 0.5 <= mean[inside].sum() / mean[apart].sum() <= 2:
            continue
        return tuple((DIMENSIONS[d], labels[d][leaf[d]]) for d in chosen), inside

"""On simulated truth: a quiet metric gives at most one false alarm a quarter, and falls are found as often as said.

The series are drawn by a law that the method does not assume as it is: counts with a log-normal day (not the gamma of a
negative binomial) that hangs together with the day before, on weekdays that differ by a third.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from steelyard.metrics import Metric, MetricCatalog
from steelyard.metrics.watching import Alert
from steelyard.metrics.watching.judge import Judged, judge
from steelyard.metrics.watching.series import Series, Watched
from steelyard.warehouse import TableDeclaration

F64 = npt.NDArray[np.float64]
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "watching.md"
WEEK = np.array([1.0, 0.95, 0.97, 1.0, 1.1, 1.3, 1.25])
HISTORY, QUARTER = 64, 91
START = date(2026, 1, 5)
CATALOG = MetricCatalog.of(
    metrics=[Metric(name="orders", count="orders", better="up")],
    tables=[TableDeclaration(name="orders", key=("id",), time="day")],
)


@dataclass(frozen=True)
class World:
    """A law of daily counts.

    Args:
        mean: Things a day.
        noise: Standard deviation of a day's level about its weekday's, as a share, beyond chance.
        hangs: How much of a day's deviation the next inherits: AR(1).
        trend: Growth a week.
    """

    mean: float
    noise: float
    hangs: float = 0.0
    trend: float = 0.0

    def draw(self, random: np.random.Generator, days: int) -> F64:
        shocks = random.normal(size=days + 30)
        errors = np.zeros(days + 30)
        for day in range(1, days + 30):
            errors[day] = self.hangs * errors[day - 1] + np.sqrt(1 - self.hangs**2) * shocks[day]
        grown = (1 + self.trend) ** (np.arange(days) / 7)
        weekly = WEEK[np.arange(days) % 7]
        return np.asarray(self.mean * grown * weekly * np.exp(self.noise * errors[30:] - self.noise**2 / 2))


QUIET = {
    "many": World(5_000, 0.05),
    "many that hang together": World(5_000, 0.05, hangs=0.4),
    "a hundred a day": World(100, 0.08, hangs=0.3),
    "just enough": World(40, 0.0),
    "noisy": World(1_000, 0.2, hangs=0.3),
    "growing": World(1_000, 0.05, hangs=0.2, trend=0.02),
}


def looked_at(alert: Alert, values: F64, day: int) -> Judged:
    """What the watch makes of the series on a day, as it does after it has asked for it."""
    window = values[day - HISTORY + 1 : day + 1]
    periods = tuple(START + timedelta(days=day - HISTORY + 1 + n) for n in range(HISTORY))
    series = Series(segment={}, values=window, volume=window)
    watched = Watched(
        periods=periods, until=periods[-1], series=(series,), incomplete="", data_from=START - timedelta(days=999)
    )
    return judge(CATALOG, alert, watched, series)


def alarms(alert: Alert, world: World, random: np.random.Generator) -> Iterator[bool]:
    """Whether each day of a quarter in which nothing happens has an alarm."""
    values = random.poisson(world.draw(random, HISTORY - 1 + QUARTER)).astype(float)
    for day in range(HISTORY - 1, HISTORY - 1 + QUARTER):
        found = looked_at(alert, values, day)
        yield bool(found.rules) and (found.p_value or 0.0) <= alert.fdr


def false_alarms_a_quarter(alert: Alert, world: World, quarters: int, seed: int) -> float:
    random = np.random.default_rng(seed)
    return sum(sum(alarms(alert, world, random)) for _ in range(quarters)) / quarters


@pytest.mark.parametrize("direction", ["down", "both"])
def test_a_quiet_metric_gives_no_more_than_one_false_alarm_a_quarter(direction: str) -> None:
    alert = Alert(name="a", metric="orders", direction=direction)  # type: ignore[arg-type]
    assert false_alarms_a_quarter(alert, World(1_000, 0.06, hangs=0.3), quarters=12, seed=1) < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("world", QUIET.values(), ids=QUIET)
@pytest.mark.parametrize("direction", ["down", "both"])
def test_no_quiet_world_gives_more_than_one_false_alarm_a_quarter(world: World, direction: str) -> None:
    # Every day that has an alarm counts, also one that goes on, which is told once.
    alert = Alert(name="a", metric="orders", direction=direction)  # type: ignore[arg-type]
    assert false_alarms_a_quarter(alert, world, quarters=40, seed=2) < 1.0


# Power


@dataclass(frozen=True)
class Power:
    """One line of the guide's table: found within 1, 3 and 7 days, alone and among a hundred series."""

    mean: float
    noise: float
    fall: float
    alone: tuple[float, float, float]
    among: tuple[float, float, float]


def found_by(world: World, fall: float, times: int, seed: int) -> tuple[F64, F64]:
    """The share of falls that stay found within 1, 3 and 7 days: alone, and as the one move among a hundred series."""
    alert, random = Alert(name="a", metric="orders"), np.random.default_rng(seed)
    least = np.ones((times, 7))
    for number in range(times):
        first = HISTORY - 1 + int(random.integers(7))
        levels = world.draw(random, first + 7)
        levels[first:] *= 1 - fall
        values = random.poisson(levels).astype(float)
        for after in range(7):
            found = looked_at(alert, values, first + after)
            least[number, after] = found.p_value if found.rules and found.p_value is not None else 1.0
    best = np.minimum.accumulate(least, axis=1)[:, [0, 2, 6]]
    return (best <= 0.01).mean(axis=0), (best <= 0.01 / 100).mean(axis=0)


def said() -> list[Power]:
    """The table of power in the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    lines = re.findall(r"^\| ([\d,]+) \| (\d+) % \| (\d+) % \|(.*)\|$", text, re.MULTILINE)
    found = []
    for mean, noise, fall, rest in lines:
        shares = [float(cell.strip().removesuffix(" %")) / 100 for cell in rest.split("|")]
        found.append(
            Power(
                mean=float(mean.replace(",", "")),
                noise=float(noise) / 100,
                fall=float(fall) / 100,
                alone=(shares[0], shares[1], shares[2]),
                among=(shares[3], shares[4], shares[5]),
            )
        )
    return found


def test_the_guide_states_the_power() -> None:
    lines = said()
    assert len(lines) >= 9
    for line in lines:
        assert line.alone[0] <= line.alone[1] <= line.alone[2]
        assert all(alone >= among for alone, among in zip(line.alone, line.among, strict=True))


def test_a_line_of_the_table_is_what_simulation_gives() -> None:
    line = next(item for item in said() if (item.mean, item.noise, item.fall) == (1_000, 0.05, 0.2))
    _held(line, times=60, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("line", said(), ids=lambda line: f"{line.mean:g}-{line.noise:g}-{line.fall:g}")
def test_every_line_of_the_table_is_what_simulation_gives(line: Power) -> None:
    _held(line, times=400, seed=4)


def _held(line: Power, times: int, seed: int) -> None:
    alone, among = found_by(World(line.mean, line.noise, hangs=0.3), line.fall, times, seed)
    for stated, seen in ((line.alone, alone), (line.among, among)):
        for share, found in zip(stated, seen, strict=True):
            # Four standard errors of both simulations (the table's had 400), and its rounding to whole percents.
            spread = np.sqrt(max(share * (1 - share), 0.01) * (1 / times + 1 / 400))
            assert abs(share - found) < 4 * spread + 0.005, (line, alone, among)


if __name__ == "__main__":
    for mean, noise in ((100, 0.05), (1_000, 0.05), (1_000, 0.1), (10_000, 0.03)):
        for fall in (0.05, 0.1, 0.2, 0.3, 0.5):
            alone, among = found_by(World(mean, noise, hangs=0.3), fall, 400, 11)
            cells = " | ".join(f"{share:.0%}".replace("%", " %") for share in (*alone, *among))
            print(
                f"| {mean:,} | {noise:.0%} | {fall:.0%} | {cells} |".replace("% |", " % |").replace("  %", " %"),
                flush=True,
            )

"""How many units a comparison needs, what it can see, and how often."""

from __future__ import annotations

import math
from collections.abc import Callable

from steelyard.errors import DefinitionError

__all__ = [
    "power_of_means",
    "power_of_shares",
    "smallest_mean_effect",
    "smallest_share_effect",
    "units_for_means",
    "units_for_shares",
]

MOST_UNITS = 1e15


def power_of_means(
    effect: float,
    std_dev: float,
    n: float,
    *,
    ratio: float = 1.0,
    level: float = 0.95,
    std_dev_treated: float | None = None,
    one_sided: bool = False,
) -> float:
    """The chance that the t test of two means rejects no difference, when the difference is `effect`.

    Args:
        effect: The true difference, beyond what is tested against.
        std_dev: Standard deviation of the control's units; for a ratio, of the linear form.
        n: Units in control, more than one.
        ratio: Units of the treated arm for each unit of control; any allocation.
        level: Confidence level of the interval that decides.
        std_dev_treated: That of the treated arm; the control's when absent.
        one_sided: Counts only rejections in the effect's own direction (R's `power.t.test` default); the test stays
            two-sided.

    Assumes: Independent units, means close to normal. With one standard deviation for both arms the degrees of freedom
        are n + m - 2, as peers count them; with two, Welch's.

    Source: Noncentral t; compared with R 4.2.2 `power.t.test`, statsmodels 0.15 `TTestIndPower`.

    >>> round(power_of_means(1.0, 1.0, 20), 7)
    0.868953
    """
    from scipy.special import nctdtr, stdtrit

    other = std_dev if std_dev_treated is None else std_dev_treated
    a, b = std_dev**2 / n, other**2 / (n * ratio)
    error = math.sqrt(a + b)
    if error == 0:
        return float(effect != 0)
    df = _df(n, n * ratio, a / (a + b), pooled=std_dev_treated is None)
    critical, shift = float(stdtrit(df, (1 + level) / 2)), abs(effect) / error
    below = float(nctdtr(df, shift, critical)) if df < 1e5 else math.nan
    if math.isnan(below):  # SciPy gives no number far out in the tail
        return _normal_power(shift, level, one_sided=one_sided)
    if one_sided:
        return 1 - below
    wrong_way = float(nctdtr(df, shift, -critical))
    return 1 - below + (0.0 if math.isnan(wrong_way) else wrong_way)


def _df(n: float, m: float, share: float, *, pooled: bool) -> float:
    if pooled:
        return max(n + m - 2, 1e-9)
    return 1 / (share**2 / max(n - 1, 1e-9) + (1 - share) ** 2 / max(m - 1, 1e-9))


def _normal_power(shift: float, level: float, *, one_sided: bool) -> float:
    from scipy.special import ndtr, ndtri

    critical = float(ndtri((1 + level) / 2))
    upper = float(ndtr(shift - critical))
    return upper if one_sided else upper + float(ndtr(-shift - critical))


def units_for_means(
    effect: float,
    std_dev: float,
    *,
    power: float = 0.8,
    ratio: float = 1.0,
    level: float = 0.95,
    std_dev_treated: float | None = None,
    one_sided: bool = False,
) -> float:
    """Units in control (not rounded) with which the t test has the power; arguments as `power_of_means`.

    Raises:
        DefinitionError: The effect is zero, so that no number of units will do.

    >>> round(units_for_means(0.1, 1.0, ratio=1 / 9), 2)
    7850.59
    """
    if effect == 0:
        raise DefinitionError("no number of units finds an effect of 0", hint="give an effect that is not zero")
    smallest = 2.0 if ratio >= 1 else 2.0 / ratio
    return _first(
        lambda n: power_of_means(
            effect, std_dev, n, ratio=ratio, level=level, std_dev_treated=std_dev_treated, one_sided=one_sided
        ),
        power,
        smallest,
    )


def _first(power_at: Callable[[float], float], power: float, smallest: float) -> float:
    """The least n at which the power is reached; power rises with n."""
    from scipy.optimize import brentq

    if power_at(smallest) >= power:
        return smallest
    high = smallest * 2
    while power_at(high) < power:
        high *= 2
        if high > MOST_UNITS:
            return math.inf
    return float(brentq(lambda n: power_at(n) - power, high / 2, high, xtol=1e-9, rtol=1e-12))


def smallest_mean_effect(
    std_dev: float, n: float, *, power: float = 0.8, ratio: float = 1.0, level: float = 0.95
) -> float:
    """The least difference that the t test finds with the power; arguments as `power_of_means`.

    >>> round(smallest_mean_effect(1.0, 5000), 9)
    0.056037019
    """
    from scipy.optimize import brentq

    error = std_dev * math.sqrt(1 / n + 1 / (n * ratio))
    return float(
        brentq(
            lambda effect: power_of_means(effect, std_dev, n, ratio=ratio, level=level) - power,
            0.0,
            40 * error,
            xtol=1e-14 * error + 1e-300,
            rtol=1e-12,
        )
    )


def power_of_shares(control: float, treated: float, n: float, *, ratio: float = 1.0, level: float = 0.95) -> float:
    """The chance that the pooled z test of two shares rejects equality, in the direction of the truth.

    Args:
        control: The true share in control, above 0 and below 1.
        treated: The true share in the treated arm, above 0 and below 1.
        n: Units in control.
        ratio: Units of the treated arm for each unit of control.
        level: Confidence level.

    Source: Fleiss, Tytun and Ury (1980) without continuity correction; compared with R 4.2.2 `power.prop.test`, rpact.

    >>> round(power_of_shares(0.5, 0.75, 50), 6)
    0.740166
    """
    from scipy.special import ndtr, ndtri

    null, truth = _share_errors(control, treated, ratio)
    reach = float(ndtri((1 + level) / 2)) * null
    return float(ndtr((abs(treated - control) * math.sqrt(n) - reach) / truth))


def _share_errors(control: float, treated: float, ratio: float) -> tuple[float, float]:
    """Standard errors of the difference times the root of n, if the shares are equal and as they are."""
    for name, share in (("control", control), ("treated", treated)):
        if not 0 < share < 1:
            raise DefinitionError(
                f"a {name} share of {share!r} cannot be planned for", hint="give shares above 0 and below 1"
            )
    pooled = (control + ratio * treated) / (1 + ratio)
    null = math.sqrt(pooled * (1 - pooled) * (1 + 1 / ratio))
    return null, math.sqrt(control * (1 - control) + treated * (1 - treated) / ratio)


def units_for_shares(
    control: float, treated: float, *, power: float = 0.8, ratio: float = 1.0, level: float = 0.95, beyond: float = 0.0
) -> float:
    """Units in control (not rounded) with which the pooled z test has the power; arguments as `power_of_shares`.

    Args:
        control: The share in control.
        treated: The share in the treated arm.
        power: The chance of finding the difference.
        ratio: Units of the treated arm for each unit of control.
        level: Confidence level.
        beyond: A difference that the interval must leave behind; then the unpooled error is used throughout.

    Raises:
        DefinitionError: A share is 0 or 1, or the difference is `beyond` itself.

    >>> round(units_for_shares(0.1, 0.11), 4)
    14750.7905
    """
    from scipy.special import ndtri

    null, truth = _share_errors(control, treated, ratio)
    gap = treated - control - beyond
    if gap == 0:
        raise DefinitionError(
            f"no number of units tells {treated!r} from {control + beyond!r}", hint="move one of them"
        )
    reach = float(ndtri((1 + level) / 2)) * (truth if beyond else null)
    return ((reach + float(ndtri(power)) * truth) / gap) ** 2


def smallest_share_effect(
    control: float, n: float, *, power: float = 0.8, ratio: float = 1.0, level: float = 0.95
) -> float:
    """The least rise of a share that the pooled z test finds with the power; infinite when even a rise to 1 is not.

    >>> round(smallest_share_effect(0.1, 14750.790469), 6)
    0.01
    """
    from scipy.optimize import brentq

    def lack(rise: float) -> float:
        return power_of_shares(control, control + rise, n, ratio=ratio, level=level) - power

    most = (1 - control) * (1 - 1e-9)
    if lack(most) < 0:
        return math.inf
    return float(brentq(lack, 1e-12 * most, most, xtol=1e-15, rtol=1e-12))

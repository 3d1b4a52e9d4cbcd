"""From a look around to an order: who passes which step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from steelyard.simulate.injection import Effect, Injection, Scene, capped
from steelyard.simulate.random_stream import lookup
from steelyard.simulate.visits import Visits

__all__ = ["Step", "base_chance", "items_in_cart", "take_step"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Factors in the order of DEVICES, CHANNELS and TIERS.
_CHANCE = {"add_to_cart": 0.22, "checkout_started": 0.56, "order_placed": 0.55}
_DEVICE = {
    "add_to_cart": (0.90, 1.15, 1.00), "checkout_started": (0.92, 1.10, 1.00), "order_placed": (0.88, 1.12, 1.00),
}  # fmt: skip
_CHANNEL = {
    "add_to_cart": (1.15, 1.00, 0.95, 1.30, 0.60, 1.05),
    "checkout_started": (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "order_placed": (1.04, 1.00, 0.98, 1.05, 0.90, 1.00),
}
_TIER = {
    "add_to_cart": (0.90, 1.10, 1.30), "checkout_started": (0.95, 1.05, 1.15), "order_placed": (0.95, 1.04, 1.10),
}  # fmt: skip
_ITEMS = lookup([62, 24, 10, 4])  # weights of 1, 2, 3, 4 items in a cart


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happened at one step.

    Attributes:
        scene: The chunk before it.
        effects: What injections did to it.
        base: The chance without any injection.
        passed: Which sessions passed.
    """

    scene: Scene
    effects: tuple[tuple[Injection, Effect], ...]
    base: F64
    passed: Mask

    def without(self, injection: Injection) -> F64:
        """The chance if this injection, and no other, were absent; before the cap."""
        return _product(self.base, [effect for other, effect in self.effects if other is not injection])


def take_step(step: str, scene: Scene, injections: Sequence[Injection], chance: npt.NDArray[np.uint32]) -> Step:
    """Who of those that reached a step passes it."""
    found = ((injection, injection.effect(step, scene)) for injection in injections)
    effects = tuple((injection, effect) for injection, effect in found if effect is not None)
    base = base_chance(step, scene.visits)
    passed = scene.reached & (chance < capped(_product(base, [effect for _, effect in effects])))
    return Step(scene=replace(scene), effects=effects, base=base, passed=passed)


def base_chance(step: str, visits: Visits) -> F64:
    """The chance to pass a step where nothing is injected."""
    device, channel, tier = (np.array(table[step]) for table in (_DEVICE, _CHANNEL, _TIER))
    table = _CHANCE[step] * device[:, None, None] * channel[None, :, None] * tier[None, None, :]
    return np.asarray(table[visits.device, visits.channel, visits.tier])


def items_in_cart(passed: Mask, views: I64, chance: npt.NDArray[np.uint32]) -> I64:
    """How many items are put into each cart: at most as many as were viewed."""
    wanted = 1 + _ITEMS[chance >> 16]
    return np.where(passed, np.minimum(wanted, views), 0)


def _product(base: F64, effects: Sequence[Effect]) -> F64:
    for effect in effects:
        base = base * effect.conversion
    return base

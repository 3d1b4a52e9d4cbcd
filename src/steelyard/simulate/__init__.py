"""Data with a known truth, for tests, documentation and first steps.

`shop` makes a web shop of any size; injections give it effects whose true size the shop's `truth` states.
"""

from __future__ import annotations

from steelyard.simulate.buckets import buckets
from steelyard.simulate.campaign import ConfoundedCampaign
from steelyard.simulate.drift import Drift
from steelyard.simulate.experiment import Experiment
from steelyard.simulate.incidents import ConversionDrop, MixShift, TrackingOutage
from steelyard.simulate.injection import Injection
from steelyard.simulate.rollout import StaggeredRollout
from steelyard.simulate.schemas import KEYS
from steelyard.simulate.shop import Shop, shop

__all__ = [
    "KEYS",
    "ConfoundedCampaign",
    "ConversionDrop",
    "Drift",
    "Experiment",
    "Injection",
    "MixShift",
    "Shop",
    "StaggeredRollout",
    "TrackingOutage",
    "buckets",
    "shop",
]

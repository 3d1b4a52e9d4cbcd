"""Every act there is, in the order in which they come up."""

from __future__ import annotations

from steelyard.web.acts.act import Act
from steelyard.web.acts.advance import ADVANCE
from steelyard.web.acts.decide import DECIDE
from steelyard.web.acts.launch import LAUNCH
from steelyard.web.acts.register import REGISTER
from steelyard.web.acts.rollback import ROLLBACK
from steelyard.web.acts.run import RUN

__all__ = ["ACTS"]

ACTS: tuple[Act, ...] = (REGISTER, RUN, ADVANCE, LAUNCH, ROLLBACK, DECIDE)

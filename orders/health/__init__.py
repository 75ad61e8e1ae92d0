"""How the installation itself is doing: each figure with a plain judgement and what to do."""

from __future__ import annotations

from orders.health.figures import Figure, Judgement
from orders.health.survey import Survey, survey

__all__ = ["Figure", "Judgement", "Survey", "survey"]

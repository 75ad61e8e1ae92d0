"""Programs that speak to CartRover, in the languages they are written in, against a hub that really serves."""

from __future__ import annotations

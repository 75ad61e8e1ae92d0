"""The settings of production; the connectors that only benchmarks need are there beside the hub's own."""

from __future__ import annotations

from pathlib import Path

import connectors
from cartrover.settings import *  # noqa: F403

connectors.__path__.append(str(Path(__file__).parent / "kinds"))

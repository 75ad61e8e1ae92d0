"""Real servers on loopback for tests at the wire, each a context manager, with faults that a test sets on them."""

from __future__ import annotations

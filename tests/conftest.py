"""What all tests may use."""

from __future__ import annotations

"""What a next version of the hub brings along: a migration of tables that are in use."""

from __future__ import annotations

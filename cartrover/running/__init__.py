"""How the hub runs in one process tree: `manage.py up`."""

from __future__ import annotations

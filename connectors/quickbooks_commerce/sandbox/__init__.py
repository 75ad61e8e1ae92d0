"""A QuickBooks Commerce that runs on this machine: its API, its OAuth, its merchant's warehouse, and its bad days."""

from __future__ import annotations

from collections.abc import Mapping

from .server import Sandbox


def start_sandbox(folder: str, ports: Mapping[str, int]) -> Sandbox:
    """Start a sandbox on 127.0.0.1 (contract.StartSandbox); the one port is called "http"."""
    return Sandbox(folder, ports)

"""A faithful simulation of DSCO on loopback: a real SFTP server, its folders and jobs, and a page to drive it."""

from __future__ import annotations

from connectors.dsco.sandbox.running import DscoSandbox, start_sandbox
from connectors.dsco.sandbox.state import SandboxError

__all__ = ["DscoSandbox", "SandboxError", "start_sandbox"]

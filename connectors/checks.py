"""What `manage.py check`, and every start, says about the installed connectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Warning

from connectors import registry


def check_connectors(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Name each broken connector and its faults.

    A warning, though the connector is refused: as an error it would keep every command from running, and with them the
    connections of all other kinds. `manage.py check --fail-level WARNING` fails on it.
    """
    return [
        Warning(
            f"The connector “{connector.folder}” is broken and was left out: {fault}",
            hint=f"Mend connectors/{connector.folder}/connector.py. Connections of this kind stand still until then.",
            obj=f"connectors.{connector.folder}",
            id="connectors.W001",
        )
        for connector in registry.broken()
        for fault in connector.faults
    ]

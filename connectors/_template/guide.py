"""How a person sets the connection up, step by step; each step shows just its own fields."""

from __future__ import annotations

from connectors.contract import Guide, GuideStep

GUIDE = Guide(
    steps=(
        GuideStep(
            title="Copy the shop's number",
            body="Sign in to the shop as its owner, open Settings > About and copy the number to here.",
            fields=("shop",),
        ),
        GuideStep(
            title="Make an API key",
            body="Open Settings > API keys and make one that may read exports and add uploads. It is shown once: copy it now.",
            fields=("api_key", "api_url"),
        ),
    )
)

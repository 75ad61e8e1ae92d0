"""`after_restore`: tells the hub that its database was restored from an older copy, before anything runs on it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from orders.management.json_command import JsonCommand, Told
from orders.restoring import ASK_FIRST_FOR, note_restored


class Command(JsonCommand):
    help = (
        "Say that the database was restored from an older copy, before workers and clock start. Orders are then asked for at "
        f"the WMS before they go out, for {ASK_FIRST_FOR.days} days, and files that were read since the copy are read again "
        "from the carts' archives. Twice is harmless."
    )

    def work(self, **options: Any) -> Told:
        restored = note_restored()
        words = [
            f"{restored.connections:,} connections go on as after a restore; {restored.files:,} files that look unsent are "
            "looked for at their carts first. Start the workers and the clock now.",
        ]
        return Told(document=asdict(restored), words=words)

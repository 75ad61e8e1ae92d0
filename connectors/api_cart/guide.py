"""The set-up guide."""

from __future__ import annotations

from connectors.contract import Guide, GuideStep

GUIDE = Guide(
    steps=(
        GuideStep(
            title="Make a key for this cart",
            body=(
                "Open Settings, then API keys, and make a key that opens this cart alone. Copy the API user and the API "
                "key: the key "
                "is shown one time."
            ),
        ),
        GuideStep(
            title="Enter it in the cart's program",
            body=(
                "A program that knows CartRover's API needs this user and key, and the hub's address instead of "
                "CartRover's. Anything "
                "else it can leave as it is. The description of all calls is at /api/ on this hub."
            ),
        ),
        GuideStep(
            title="Push a test order",
            body=(
                'Let the program push an order with "test_order": "Y". In test mode it goes to the WMS at once; orders '
                "without the "
                "mark wait until you go live."
            ),
        ),
    )
)

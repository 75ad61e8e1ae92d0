"""Sets up what `api` measures: an account with an API cart, an API WMS and a cart's key; prints the key."""

from __future__ import annotations

import json

from benchmarks.hubs import live, new_account


def main() -> dict[str, str]:
    """Make everything on a fresh database and return the key's two parts."""
    account = new_account()
    live(account, "api_wms", {}, {})
    cart = live(account, "api_cart", {}, {})

    from orders.models import ApiLevel
    from orders.programs.api_keys import key_make

    key, secret = key_make(account=account, name="bench", level=ApiLevel.CART, cart=cart, actor="bench")
    return {"user": key.api_user, "secret": secret}


if __name__ == "__main__":
    print(json.dumps(main()))

"""Programs that call the hub: their keys, and what carts and warehouses do by calling."""

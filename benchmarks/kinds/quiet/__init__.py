"""A cart that never has an order, for measuring what the hub does when there is nothing to do."""

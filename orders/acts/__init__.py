"""What people do to orders, products and aliases, one by one and many at once."""

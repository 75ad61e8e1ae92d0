"""A plain WMS for measuring: an order goes out by one POST of JSON, and nothing has to be looked up before."""

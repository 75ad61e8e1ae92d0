"""What the portal's lists show: a page at a time, in a number of queries that doesn't grow with what there is."""

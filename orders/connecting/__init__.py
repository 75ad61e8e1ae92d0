"""From a new connection to one that is live: test mode, test orders, files that are read again, and what changes later."""

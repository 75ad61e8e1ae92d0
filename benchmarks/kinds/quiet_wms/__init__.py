"""A WMS where nothing ever changes, for measuring what the hub does when there is nothing to do."""

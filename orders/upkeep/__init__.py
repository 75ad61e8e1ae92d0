"""What must be looked at now and then, whether or not anything happens."""

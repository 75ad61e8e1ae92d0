"""Which services are to run, and how a run of one goes."""

"""Telling people and programs what happens: what there is to tell, whom, and the telling itself."""

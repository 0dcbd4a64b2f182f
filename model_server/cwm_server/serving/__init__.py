"""What stands between a socket and the engine: who may ask, how much, in which order, and what is counted."""

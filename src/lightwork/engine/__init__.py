"""One run over items as a state machine that owns time, and the crew of threads that carries it out."""

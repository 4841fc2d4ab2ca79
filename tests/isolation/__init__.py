"""Nobody sees or changes what is not theirs, and what is done leaves a trace."""

"""Nobody sees or changes what is not theirs: every route, method, persona and kind of key."""

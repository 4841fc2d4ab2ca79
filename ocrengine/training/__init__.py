"""Training our networks from pixels we render ourselves. Nothing that reads pages imports this."""

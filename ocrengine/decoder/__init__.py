"""The only place that parses bytes somebody else made: a disposable child, and its client."""

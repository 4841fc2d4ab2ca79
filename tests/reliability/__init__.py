"""Trials of what we promise, longer than tests may take: `python -m tests.reliability TRIAL`."""

"""A real cluster with a fake engine under the real supervisor, to be killed by tests."""

"""A simulated provider panel: the outside world of the demo, of the sandbox and of the fault tests."""

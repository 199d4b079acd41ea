"""Cancels and refills passed on to providers."""

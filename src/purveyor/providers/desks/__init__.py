"""Providers that are people."""

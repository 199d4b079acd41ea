"""Asking how orders stand, and what follows from the answers."""

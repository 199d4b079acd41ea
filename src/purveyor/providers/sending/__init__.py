"""Orders on their way out."""

"""What became of a hand-over: accepted, refused, or unknown until evidence or a person settles it."""

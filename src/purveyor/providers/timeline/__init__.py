"""The story of one order, told from what was written down."""

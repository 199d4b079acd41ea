"""Several providers behind one service: which of them takes an order, and why."""

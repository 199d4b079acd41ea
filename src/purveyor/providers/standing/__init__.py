"""How we stand with each provider: balance, settings, budgets of calls, and what holds its orders."""

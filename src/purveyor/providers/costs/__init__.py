"""What a provider's money costs us, before an order and after it."""

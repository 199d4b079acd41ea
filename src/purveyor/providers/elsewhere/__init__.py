"""What one provider did not deliver, delivered by another."""

"""What images are made of."""

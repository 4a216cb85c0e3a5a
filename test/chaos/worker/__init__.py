"""What runs in a driver's own process: it works, and writes down what it was told."""

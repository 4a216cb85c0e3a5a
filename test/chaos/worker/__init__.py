"""The code in a driver's own process: it works, and writes down the results."""

"""What runs in each driver's process: `python -m benchmark.worker`. Imports nothing of Motor's
checkout, and nothing from outside this directory but `benchmark.dataset`."""

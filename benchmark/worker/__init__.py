"""The code in each driver's process: `python -m benchmark.worker`. It imports nothing from Motor's
checkout, and from outside this directory only `benchmark.dataset`."""

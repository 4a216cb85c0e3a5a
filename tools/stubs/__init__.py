"""The parts of `tools/gen_stubs.py`."""

"""What `tools/gen_stubs.py` is made of."""

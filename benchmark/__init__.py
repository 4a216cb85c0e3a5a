"""Measures Motor against its peers. See README.rst; run it with ``python -m benchmark``."""

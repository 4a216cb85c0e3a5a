"""Breaks servers, connections and clients while drivers work, and then checks the books.

Run as `tox -e chaos`, or `PYTHONPATH=test python -m chaos` in the checkout. One replica set, a
proxy for each driver and member, a process for each driver. `run.py` is where to begin reading.
"""

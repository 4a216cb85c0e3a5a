"""Breaks servers, connections and clients while drivers work, and then checks the results.

Run as `tox -e chaos`, or `PYTHONPATH=test python -m chaos` in the checkout. One replica set, a
proxy for each driver and member, a process for each driver. Begin reading in `run.py`.
"""

"""Cursors: how their documents are read, kept and given out."""

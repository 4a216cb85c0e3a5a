"""The way of one call from an event loop to a thread and back: future, call, pool, completions."""

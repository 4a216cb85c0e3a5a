"""One call's way from an event loop to a thread and back: future, call, pool, completions."""

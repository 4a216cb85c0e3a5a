"""Connection strings for programs that run on the server of the tests."""

from __future__ import annotations


def with_database(uri: str, name: str) -> str:
    """The connection string with a default database in it."""
    scheme, _, rest = uri.partition("://")
    hosts, _, options = rest.partition("?")
    # The monitors of polled servers end at once when a client is closed.
    options += f"{'&' * bool(options)}serverMonitoringMode=poll"
    if "@" in hosts and "authSource=" not in options:
        # Else it would be the default database.
        options += "&authSource=admin"
    return f"{scheme}://{hosts.rstrip('/')}/{name}?{options}"

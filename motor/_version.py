"""The version, in the one place that packaging and Motor itself read."""

version = "4.0.0"

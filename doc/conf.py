"""How Sphinx builds the documentation: ``tox -e docs``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import motor

project = "Motor"
author = "the Motor project"
version = release = motor.version

extensions = ["motor_reference", "motor_tables", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]

# `name` in a docstring is an argument.
default_role = "code"
nitpicky = True
# Names in the signatures and bases of autodoc's own entries.
nitpick_ignore_regex = [("py:.*", r"(T|Any|_\w+|motor\.operation\._\w+)")]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# Defaults as they are written, not their `repr`, which may be "<function ...>".
autodoc_preserve_defaults = True
add_module_names = False
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 70

html_theme = "furo"
# A style without underlines, which look like links.
pygments_dark_style = "monokai"
html_title = f"Motor {release}"
html_static_path = ["_static"]
html_css_files = ["motor.css"]
# Deferred, so that it runs after the theme's search.
html_js_files = [("search_spelling.js", {"defer": "defer"})]
html_favicon = "_static/favicon.svg"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# Nothing is fetched from other sites: the theme uses the fonts of the reader's system.
html_theme_options = {"navigation_with_keys": True}

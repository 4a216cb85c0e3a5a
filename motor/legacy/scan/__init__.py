"""The scanner: finds the calls of the PyMongo 2 era in source code, without running it.

``python -m motor.legacy PATH`` runs it.

- `scanner`: what callers use
- `walker`: walks through the syntax tree of a module, and reports its old calls
- `source`: turns a file into a syntax tree, also one that is not Python 3
- `receivers`: what an expression probably is, by what is assigned and by its name
- `shapes`: whether the arguments of a call fit
- `kinds`: the kinds of objects, and what gives an object of each kind
- `vocabulary`: what to say about each old name
"""

from motor.legacy.scan.findings import Finding, Report
from motor.legacy.scan.scanner import IGNORE, report_on, scan_file, scan_source

__all__ = ["IGNORE", "Finding", "Report", "report_on", "scan_file", "scan_source"]

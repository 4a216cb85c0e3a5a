"""Makes the virtual environments of the drivers, and finds Pythons for them.

Motor and Motor 3.7.1 have the same import name, so no two drivers share an environment. The
environments are kept in a cache directory, and made again when their requirements change.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.drivers import ROOT, Driver

DEFAULT_CACHE = ROOT / ".tox" / "benchmark"
#: The requirements of building a checkout.
_SOURCES = ("motor", "pyproject.toml", "README.rst", "LICENSE")


class NoPython(Exception):
    """The Python asked for was not found."""


def find_python(wanted: str | None) -> str:
    """The path of the Python `wanted`: a path, a command or a version. None: the one running.

    Raises NoPython when there is none that runs.
    """
    if wanted is None:
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [wanted]
    if Path(wanted).name == wanted:
        candidates.append(f"python{wanted}")
        candidates += sorted(str(path) for path in pyenv.glob(f"{wanted}*/bin/python"))
    for candidate in candidates:
        found = _base_executable(candidate)
        if found:
            return found
    raise NoPython(f"found no Python {wanted!r}: install it, or give --python its path")


def _base_executable(command: str) -> str | None:
    # Run, not just found: pyenv puts commands on the PATH that only fail.
    try:
        asked = [command, "-c", "import sys; print(sys.executable)"]
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


class Environments:
    """The environments for one Python, below the directory `cache`.

    What runs in them may import `package`, a directory.
    """

    def __init__(self, cache: Path, python: str, package: Path = ROOT / "benchmark") -> None:
        self._python = python
        self._package = package
        self._version = _output([python, "-c", "import platform; print(platform.python_version())"])
        self._directory = cache.resolve() / self._version
        self._links = cache.resolve() / "path"

    @property
    def python_version(self) -> str:
        return self._version

    def python_of(self, driver: Driver) -> str:
        """The Python of a driver's environment."""
        return str(self._directory / driver.environment / "bin" / "python")

    def variables(self) -> dict[str, str]:
        """Environment variables for a worker: it imports the package, but not the checkout."""
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        # PyMongo's C extensions and Motor's pool are measured with their defaults.
        variables["PYTHONPATH"] = str(self._links)
        return variables

    def make(self, drivers: Iterable[Driver]) -> None:
        """Make the environments that are missing or out of date."""
        self._links.mkdir(parents=True, exist_ok=True)
        link = self._links / self._package.name
        if not link.is_symlink() or link.resolve() != self._package:
            link.unlink(missing_ok=True)
            link.symlink_to(self._package)
        distinct = {driver.environment: driver for driver in drivers}
        with ThreadPoolExecutor(len(distinct) or 1) as executor:
            for _ in executor.map(self._make, distinct.values()):
                pass

    def _make(self, driver: Driver) -> None:
        directory = self._directory / driver.environment
        self._once(directory / "made.json", [*driver.requirements], self._install, driver)
        if driver.checkout is not None:
            # Separately, because a checkout changes often and the rest hardly ever.
            wanted = [str(driver.checkout), _fingerprint(driver.checkout)]
            self._once(directory / "checkout.json", wanted, self._install_checkout, driver)

    def _once(self, record: Path, wanted: list[str], install: object, driver: Driver) -> None:
        if record.exists() and json.loads(record.read_text()) == wanted:
            return
        record.unlink(missing_ok=True)
        print(f"installing {driver.environment} for Python {self._version}", file=sys.stderr)
        install(driver)  # type: ignore[operator]
        record.write_text(json.dumps(wanted))

    def _install(self, driver: Driver) -> None:
        directory = self._directory / driver.environment
        _run([self._python, "-m", "venv", "--clear", str(directory)])
        self._pip(driver, "--upgrade", *driver.requirements)

    def _install_checkout(self, driver: Driver) -> None:
        # From a copy: a build leaves files behind, and includes those of earlier builds.
        assert driver.checkout is not None
        copy = self._directory / f"{driver.environment}-source"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in _SOURCES:
            source = driver.checkout / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, copy / name, ignore=ignored)
            elif source.exists():
                shutil.copy(source, copy / name)
        self._pip(driver, "--force-reinstall", "--no-deps", str(copy))

    def _pip(self, driver: Driver, *arguments: str) -> None:
        pip = [self.python_of(driver), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        _run([*pip, "install", *arguments])


def _fingerprint(checkout: Path) -> str:
    """A value that changes when a file of the build of the checkout changes."""
    digest = hashlib.sha256()
    for name in ("motor", "pyproject.toml"):
        found = checkout / name
        paths = sorted(found.rglob("*.py")) if found.is_dir() else [found]
        for path in paths:
            digest.update(str(path.relative_to(checkout)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

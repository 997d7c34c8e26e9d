"""The checks and the tests, in order, each under a heading; the first that fails ends the run."""

from __future__ import annotations

import sys

from starting.environment import call

Check = tuple[str, tuple[str, ...]]  # (what is checked, the command line after `python`)

CHECKS: tuple[Check, ...] = (
    ("Lint", ("-m", "ruff", "check", ".")),
    ("Format", ("-m", "ruff", "format", "--check", ".")),
    ("Types", ("-m", "mypy")),
    (
        "Import directions",
        ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-logo"),
    ),
)

# A display that nobody sees, for the tests that open a real window; large enough for every size they ask for.
DISPLAY = ("xvfb-run", "--auto-servernum", "--server-args=-screen 0 1920x1200x24")


def run(steps: tuple[Check, ...]) -> int:
    """Run the steps until one fails; returns its exit status, or 0."""
    for name, command in steps:
        heading(name)
        status = call(*command)
        if status != 0:
            print(f"\nFailed: {name} (exit status {status})", file=sys.stderr)
            return status
    return 0


def run_tests(options: list[str]) -> int:
    """Run pytest, under a display of its own on Linux; returns its exit status."""
    heading("Tests")
    return call("-m", "pytest", *options, under=DISPLAY if sys.platform == "linux" else ())


def heading(name: str) -> None:
    print(f"\n== {name} ==", flush=True)

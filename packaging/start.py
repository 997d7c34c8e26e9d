"""Set Unembed up, run it, test it. Standard library only; what is missing is installed first.

    python3 packaging/start.py run              the app; what follows goes to main.py: run --page generate
    python3 packaging/start.py test             every check, then every test; what follows goes to pytest
    python3 packaging/start.py check            the checks alone: lint, format, types, import directions
    python3 packaging/start.py setup            only set up, for running and for testing

The first start makes the folder .venv at the top of the checkout and takes minutes; later ones take seconds and need
no network.
"""

from __future__ import annotations

import sys
from pathlib import Path

OLDEST = (3, 11)
if sys.version_info < OLDEST:
    sys.exit(f"Unembed needs Python 3.11 or newer, and this is {sys.version.split()[0]}. Start it with a newer one.")

from starting import checks, environment, system  # noqa: E402 - they need the Python that the line above asks for


def main(arguments: list[str]) -> int:
    """Carry out one command; returns the exit status."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if rest[:1] == ["--"]:
        rest = rest[1:]
    try:
        if command == "run":
            prepare(testing=False)
            return environment.call(environment.ROOT / "main.py", *rest, folder=Path.cwd())
        if command in ("test", "check", "setup"):
            prepare(testing=True)
            steps = {"test": checks.CHECKS, "check": checks.CHECKS, "setup": ()}[command]
            status = checks.run(steps)
            return checks.run_tests(rest) if command == "test" and status == 0 else status
    except system.SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(__doc__)
    return 0 if command in ("-h", "--help", "help") else 2


def prepare(*, testing: bool) -> None:
    """Make sure that the system's libraries and the Python packages are there."""
    system.install_missing(testing=testing)
    environment.install(testing=testing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

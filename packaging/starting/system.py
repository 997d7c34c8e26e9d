"""What Qt and the tests need from a Linux system: looked for by loading it, installed through apt-get."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys

# Library to load -> the Debian package that brings it. The other libxcb libraries that Qt wants come with these.
LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
}
# The tests open one real window on a display of their own and drive it.
TEST_PROGRAMS = {"xvfb-run": "xvfb", "xauth": "xauth", "xdotool": "xdotool"}


class SetupError(Exception):
    """Setting up cannot go on; the message says what to do by hand."""


def install_missing(*, testing: bool) -> None:
    """Install what Linux lacks, as root or where sudo asks no password. Raises SetupError with the line to type."""
    if sys.platform != "linux":
        return
    missing = missing_here(testing=testing)
    if not missing:
        return
    packages = list(missing.values())
    by_hand = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        raise SetupError(
            f"This system lacks: {', '.join(missing)}.\nInstall them with its package manager (Debian's names for the "
            f"packages: {' '.join(packages)}), then start again."
        )
    prefix = root_prefix()
    if prefix is None:
        raise SetupError(f"This system lacks: {', '.join(missing)}.\nType this, then start again:\n  sudo {by_hand}")
    print(f"Installing from Debian: {' '.join(packages)}", flush=True)
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
    subprocess.run([*apt, "apt-get", "update", "-q"], check=False)
    subprocess.run([*apt, *by_hand.split()], check=False)
    if still := missing_here(testing=testing):
        raise SetupError(
            f"apt-get did not bring: {', '.join(still)}. Its messages above say why; set right, start again."
        )


def missing_here(*, testing: bool) -> dict[str, str]:
    """What is not there -> the Debian package that brings it."""
    importlib.invalidate_caches()
    missing = {name: package for name, package in LIBRARIES.items() if not loads(name)}
    if importlib.util.find_spec("ensurepip") is None:
        missing["Python's venv module"] = "python3-venv"
    if testing:
        missing |= {name: package for name, package in TEST_PROGRAMS.items() if shutil.which(name) is None}
    return missing


def loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def root_prefix() -> list[str] | None:
    """What to put before a command to run it as root without a question: nothing, sudo, or None where it can't be."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    allowed = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    return sudo if allowed else None

"""The checkout's own Python environment: `.venv`, filled with the versions that constraints.txt names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
import urllib.request
from pathlib import Path

from starting.system import SetupError

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CONSTRAINTS = ROOT / "constraints.txt"
STAMP = VENV / "unembed-installed.json"

# Builds of torch without CUDA. The default Linux build brings gigabytes that are of no use without an NVIDIA card.
CPU_TORCH = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 3.0


def install(*, testing: bool) -> None:
    """Make `.venv` and install what running (and testing) needs, unless the stamp says that it is all there."""
    wanted = requirements(testing=testing)
    if PYTHON.exists() and set(wanted) <= installed():
        return
    make_environment()
    kept = installed()
    STAMP.unlink(missing_ok=True)
    print("Installing Python packages into .venv; the first time this takes minutes.", flush=True)
    pip = ("-m", "pip", "--disable-pip-version-check", "install")
    if call(*pip, "-c", CONSTRAINTS, *torch_source(), *wanted) != 0:
        raise SetupError("pip could not install the packages. Its messages above say why; set right, start again.")
    STAMP.write_text(json.dumps({"constraints": digest(), "requirements": sorted({*wanted, *kept})}))


def requirements(*, testing: bool) -> list[str]:
    """The direct dependencies that pyproject.toml names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted: list[str] = list(project["project"]["dependencies"])
    return wanted + project["dependency-groups"]["dev"] if testing else wanted


def installed() -> set[str]:
    """The requirements that an earlier start installed with the same constraints."""
    try:
        stamp = json.loads(STAMP.read_text())
        return set(stamp["requirements"]) if stamp["constraints"] == digest() else set()
    except (OSError, ValueError, KeyError):
        return set()


def digest() -> str:
    return hashlib.sha256(CONSTRAINTS.read_bytes()).hexdigest()


def make_environment() -> None:
    """Make `.venv`, or make it anew when its Python or pip does not answer (moved checkout, interrupted start)."""
    ask: list[str | Path] = [PYTHON, "-m", "pip", "--version"]
    if PYTHON.exists() and subprocess.run(ask, capture_output=True, check=False).returncode == 0:
        return
    print(f"Making {VENV}", flush=True)
    if subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False).returncode != 0:
        raise SetupError(
            f"Python could not make the folder {VENV}. Its messages above say why; set right, start again."
        )


def torch_source() -> list[str]:
    """Where pip also looks for torch: the CPU builds, on a Linux without NVIDIA driver that reaches their host."""
    if sys.platform != "linux" or Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        return []
    return ["--extra-index-url", CPU_TORCH] if reachable(f"{CPU_TORCH}/torch/") else []


def reachable(address: str) -> bool:
    """Whether the address answers soon. In a thread of its own: looking its name up can hang beyond any timeout."""
    answers: list[int] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS) as answer:
                answers.append(answer.status)
        except OSError:
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PROBE_SECONDS)
    return answers == [200]


def call(*command: str | Path, under: tuple[str, ...] = (), folder: Path = ROOT) -> int:
    """Run the environment's Python on a command line, in a folder, under another program; returns the exit status."""
    with subprocess.Popen([*under, PYTHON, *command], cwd=folder) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reached the command too, which ends in its own way

"""Where a model can run, how much memory is free there, and why a GPU may be missing."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import sys
from pathlib import Path

import psutil
import torch

from app.engine.errors import UserError
from app.engine.models.records import DeviceInfo, Devices


def free_bytes(device: str) -> int:
    """Bytes that can be allocated now on `device` ("cpu", "cuda", "mps", with or without an index)."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def find_devices() -> Devices:
    """Every device torch can use here, the CPU last."""
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        found.append(DeviceInfo(f"cuda:{index}", torch.cuda.get_device_name(index), total, free))
    memory = psutil.virtual_memory()
    if torch.backends.mps.is_available():
        found.append(DeviceInfo("mps", "Apple GPU", memory.total, memory.available))
    found.append(DeviceInfo("cpu", f"{os.cpu_count() or 1} cores", memory.total, memory.available))
    return Devices(tuple(found), choose_device("auto"), unused_gpu())


def unused_gpu() -> str:
    """A sentence when an NVIDIA GPU is here and this torch cannot use it, else ''."""
    if torch.cuda.is_available() or not nvidia_driver():
        return ""
    if torch.version.cuda is None:
        return (
            f"An NVIDIA GPU is here, but torch {torch.__version__} was built without CUDA. Install the build for your "
            "GPU into .venv, as the README's section on GPUs says."
        )
    return (
        f"An NVIDIA GPU is here, but torch {torch.__version__} (CUDA {torch.version.cuda}) cannot use it. "
        "Update the driver, or install the torch build for it."
    )


def nvidia_driver() -> bool:
    """Whether an NVIDIA driver is installed."""
    if sys.platform == "win32":
        return ctypes.util.find_library("nvcuda") is not None
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def choose_device(device: str) -> str:
    """A device that can be used, "auto" resolved: CUDA, else MPS, else the CPU. Raises UserError for others."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = device.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(unused_gpu() or "No CUDA device can be used here.", "Choose the CPU.")
    if kind == "cuda" and index and not (index.isdigit() and int(index) < torch.cuda.device_count()):
        raise UserError(f"There is no {device} here.", f"Choose cuda:0 to cuda:{torch.cuda.device_count() - 1}.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UserError("No MPS device can be used here.", "Choose the CPU.")
    if kind not in ("cpu", "cuda", "mps"):
        raise UserError(f"“{device}” is no device.", "Choose auto, cpu, cuda or mps.")
    return device

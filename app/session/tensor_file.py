"""Writing tensors by name into a safetensors file, which the window itself knows nothing of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from app.engine.errors import UserError


def save_tensors(tensors: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write tensors by name as `.safetensors`. Raises UserError when the file cannot be written."""
    from safetensors import SafetensorError
    from safetensors.numpy import save

    try:
        # Written here and not by safetensors, which makes files that only their owner may read.
        Path(path).write_bytes(save({name: np.ascontiguousarray(values) for name, values in tensors.items()}))
    except (OSError, SafetensorError) as error:
        raise UserError(f"The file {path} could not be written: {error}.", "Choose another folder or name.") from error

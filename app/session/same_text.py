"""Whether a run would write a text once more that stands already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from app.engine.decode.settings import BEAMS, DecodingSettings
from app.session.branches import Branch, adapter_state

if TYPE_CHECKING:
    from app.engine.models.loaded import LoadedModel


def same_text(
    branches: Sequence[Branch], loaded: LoadedModel, ref: str, prompt: str, settings: DecodingSettings
) -> Branch | None:
    """The whole text that this model, which `ref` opens as it is now, wrote from this prompt under these very settings.

    None where chance decides anew, where several texts or beams are written, and where the model's weights or its
    adapter are not those any more.
    """
    several = settings.num_sequences > 1 and settings.draws and loaded.kind != "encoder"
    if settings.method in BEAMS or several or (settings.draws and settings.seed is None):
        return None
    trained = () if loaded.training_step is None else (loaded.training_step,)
    for branch in reversed(branches):
        by = branch.written_by()
        if (
            by is not None
            and branch.loaded is loaded
            and branch.ref == ref
            and branch.prompt_text == prompt
            and branch.ended_by not in ("", "stopped")
            and (branch.adapter, branch.training_steps) == (adapter_state(loaded), trained)
            and _read(by) == _read(settings)
        ):
            return branch
    return None


def _read(settings: DecodingSettings) -> DecodingSettings:
    """The settings without those that do not act on a text of theirs."""
    neutral, method = DecodingSettings(), "sample" if settings.draws else "greedy"
    idle = [each.name for each in fields(settings) if method not in each.metadata["knob"].methods]
    idle += ["num_sequences"] if settings.draws else ["num_sequences", "seed"]
    return replace(settings, method=method, **{name: getattr(neutral, name) for name in idle})

"""Which class of transformers opens a checkpoint, and what its head answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from transformers import PreTrainedModel
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    MODEL_MAPPING,
)

from app.engine.errors import UserError
from app.engine.models.kinds import DECODER, ENCODER, ENCODER_DECODER

_MAPPINGS = {
    DECODER: MODEL_FOR_CAUSAL_LM_MAPPING,
    ENCODER: MODEL_FOR_MASKED_LM_MAPPING,
    ENCODER_DECODER: MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
}
_CLASSIFIER = "ForSequenceClassification"
_MASKED = ("ForMaskedLM", "ForPreTraining", "WithLMHeadModel")
_NO_HEAD = ("ForQuestionAnswering", "ForTokenClassification", "ForMultipleChoice")


def model_class(config: Any, kind: str, folder: Path) -> type[PreTrainedModel]:
    """The class named in the config, else the one transformers has for the family and its kind.

    Raises UserError for a family that reads no text, or for a checkpoint whose class transformers does not have.
    """
    for name in config.architectures or ():
        found = getattr(transformers, name, None)
        if isinstance(found, type) and issubclass(found, PreTrainedModel):
            return found
    for mapping in (_MAPPINGS.get(kind), MODEL_MAPPING):
        if mapping is not None and type(config) in mapping:
            found = mapping[type(config)]
            return found[0] if isinstance(found, tuple) else found
    raise UserError(
        f"transformers has no class that opens {folder.name} ({config.model_type}) as a model of text.",
        "Open a language model, for instance of the GPT-2, Llama, BERT or BART family.",
    )


def answer_of(model: PreTrainedModel, kind: str) -> str:
    """What the model's logits are about: "next token", "masked token", "class", or "" without such a head."""
    name = type(model).__name__
    if name.endswith(_CLASSIFIER):
        return "class"
    if name.endswith(_NO_HEAD) or model.get_output_embeddings() is None:
        return ""
    if kind == ENCODER:
        return "masked token" if name.endswith(_MASKED) else ""
    return "next token"


def labels_of(config: Any) -> tuple[str, ...]:
    """The names of a classification head's classes, in the order of its logits."""
    names = config.id2label or {}
    return tuple(str(names.get(index, f"class {index}")) for index in range(config.num_labels))

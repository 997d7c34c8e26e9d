"""Which of the three kinds of transformer a config describes, told from its JSON alone, without torch."""

from __future__ import annotations

from typing import Any

DECODER, ENCODER, ENCODER_DECODER, UNKNOWN = "decoder", "encoder", "encoder-decoder", ""
KIND_WORDS = {
    DECODER: "decoder only",
    ENCODER: "encoder only",
    ENCODER_DECODER: "encoder and decoder",
    UNKNOWN: "unknown kind",
}
_ENCODER_HEADS = (
    "ForMaskedLM",
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForQuestionAnswering",
    "ForNextSentencePrediction",
    "ForPreTraining",
)
_ENCODER_FAMILIES = ("bert", "roberta", "distilbert", "albert", "electra", "mpnet", "modernbert", "xlm-roberta")


def kind_of(config: dict[str, Any]) -> str:
    """ "decoder", "encoder", "encoder-decoder", or '' where the config does not say."""
    if config.get("is_encoder_decoder"):
        return ENCODER_DECODER
    names = tuple(config.get("architectures") or ())
    family = str(config.get("model_type", ""))
    if not config.get("is_decoder", False) and (
        any(name.endswith(_ENCODER_HEADS) for name in names) or (not names and family in _ENCODER_FAMILIES)
    ):
        return ENCODER
    if family in _ENCODER_FAMILIES and not config.get("is_decoder", False):
        return ENCODER
    return DECODER if family else UNKNOWN

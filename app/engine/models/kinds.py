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
_ENCODER_FAMILIES = (
    "albert",
    "bert",
    "big_bird",
    "camembert",
    "convbert",
    "data2vec-text",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "ernie",
    "esm",
    "eurobert",
    "fnet",
    "funnel",
    "ibert",
    "layoutlm",
    "longformer",
    "luke",
    "megatron-bert",
    "mobilebert",
    "modernbert",
    "mpnet",
    "nomic_bert",
    "nystromformer",
    "rembert",
    "roberta",
    "roberta-prelayernorm",
    "roformer",
    "squeezebert",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
)
_DECODER_HEADS = ("LMHeadModel", "ForCausalLM")


def kind_of(config: dict[str, Any]) -> str:
    """ "decoder", "encoder", "encoder-decoder", or '' where the config does not say."""
    if config.get("is_encoder_decoder"):
        return ENCODER_DECODER
    names = tuple(config.get("architectures") or ())
    family = str(config.get("model_type", ""))
    if config.get("is_decoder", False) or any(name.endswith(_DECODER_HEADS) for name in names):
        return DECODER
    if family in _ENCODER_FAMILIES or any(name.endswith("ForMaskedLM") for name in names):
        return ENCODER
    return DECODER if family else UNKNOWN

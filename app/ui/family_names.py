"""Model families as people write them."""

from __future__ import annotations

_NAMES = {
    "gpt2": "GPT-2",
    "opt": "OPT",
    "gpt_neox": "GPT-NeoX",
    "phi": "Phi",
    "phi3": "Phi-3",
    "llama": "Llama",
    "mistral": "Mistral",
    "qwen2": "Qwen2",
    "qwen3": "Qwen3",
    "gemma2": "Gemma 2",
    "gemma3_text": "Gemma 3",
    "bert": "BERT",
    "roberta": "RoBERTa",
    "bart": "BART",
    "t5": "T5",
    "marian": "Marian",
}


def family_name(model_type: str) -> str:
    """The name of a config's `model_type`; unknown ones as they are."""
    return _NAMES.get(model_type, model_type)

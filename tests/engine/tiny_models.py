"""Small random models of every family that is traced, saved as ordinary folders with a tokenizer of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

SENTENCES = [
    "When Tim and Ada went to the park, Tim gave a ball to Ada.",
    "Once upon a time there was a little fox who lived near the river.",
    "The cat saw the moon and the moon saw the cat. Über café 🙂!",
]
VOCABULARY = 320
WIDE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 128,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}
GROUPED = {**WIDE, "num_key_value_heads": 2, "head_dim": 8}
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": {
        "n_embd": 32,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 128,
        "vocab_size": VOCABULARY,
        "bos_token_id": 0,
        "eos_token_id": 0,
    },
    "opt": {
        "hidden_size": 32,
        "word_embed_proj_dim": 32,
        "ffn_dim": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 128,
        "pad_token_id": 1,
    },
    "llama": GROUPED,
    "qwen2": {**GROUPED, "sliding_window": 5, "use_sliding_window": True, "max_window_layers": 1},
    "qwen3": GROUPED,
    "mistral": {**GROUPED, "sliding_window": 5},
    "gemma2": {**GROUPED, "sliding_window": 5, "query_pre_attn_scalar": 8, "attn_logit_softcapping": 0.5},
    "gemma3_text": {**GROUPED, "sliding_window": 5, "query_pre_attn_scalar": 8},
    "phi": {**WIDE, "partial_rotary_factor": 0.5},
    "phi3": {**GROUPED, "sliding_window": 5},
    "gpt_neox": {**WIDE, "rotary_pct": 0.5},
}
FAMILIES = tuple(CONFIGS)


def tiny_tokenizer(special: bool = False, context: int = 128) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on three sentences; with `special` it puts `<s>` in front of every text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<s>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 4, trainer)
    if special:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>", model_max_length=context
    )


def tiny_model(family: str, **changes: Any) -> Any:
    """A random transformers model of `family`, eval mode, weights wide enough that attention is not uniform."""
    config = CONFIG_MAPPING[family](**{**CONFIGS[family], **changes})
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.3)
    return model.eval()


def save_tiny(folder: Path, family: str, special: bool = False, **changes: Any) -> Path:
    """An ordinary model folder with config, safetensors and tokenizer."""
    model = tiny_model(family, **changes)
    model.save_pretrained(folder)
    context = getattr(model.config, "max_position_embeddings", 128)
    tiny_tokenizer(special, context).save_pretrained(folder)
    return folder

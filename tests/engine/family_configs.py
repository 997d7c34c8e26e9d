"""Small random models of many architectures, built from each family's own config class.

Sizes are set by the names that configs use for them; where a family wants more than that, `SPECIAL` says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from engine.tiny_models import VOCABULARY, tiny_tokenizer
from tokenizers import processors
from transformers import PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from app.engine.models.classes import model_class
from app.engine.models.kinds import ENCODER_DECODER, kind_of

USUAL = object()
"""In `SPECIAL`: leave this at what the config class gives."""
_SIZES: dict[str, Any] = {
    **dict.fromkeys(
        ("hidden_size", "d_model", "n_embd", "embed_dim", "dim", "embedding_size", "word_embed_proj_dim"), 32
    ),
    **dict.fromkeys(
        (
            "num_hidden_layers",
            "n_layer",
            "n_layers",
            "num_layers",
            "encoder_layers",
            "decoder_layers",
            "num_decoder_layers",
        ),
        2,
    ),
    **dict.fromkeys(
        ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads", "decoder_attention_heads"),
        4,
    ),
    **dict.fromkeys(
        ("intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "hidden_dim", "n_inner", "dff"),
        64,
    ),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), 128),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("head_dim", "d_kv", "query_pre_attn_scalar"), 8),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    "num_key_value_heads": 2,
    "num_experts_per_tok": 2,
    "rotary_dim": 4,
    "sliding_window": 5,
    "type_vocab_size": 2,
    "vocab_size": VOCABULARY,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "decoder_start_token_id": 0,
    "forced_eos_token_id": None,
}
_LATENT = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "v_head_dim": 8,
    "first_k_dense_replace": 1,
    "num_key_value_heads": 4,
    "n_group": 1,
    "topk_group": 1,
}
SPECIAL: dict[str, dict[str, Any]] = {
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "max_relative_positions": 16},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8},
    "deepseek_v2": _LATENT,
    "deepseek_v3": _LATENT,
    "falcon": {"head_dim": USUAL, "alibi": False, "new_decoder_architecture": False},
    "gemma2": {"attn_logit_softcapping": 0.5},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 5},
    "minimax": {"layer_types": ["full_attention", "linear_attention"]},
    "mobilebert": {"embedding_size": 16, "intra_bottleneck_size": 16},
    "modernbert": {"local_attention": 6, "global_attn_every_n_layers": 2, "cls_token_id": 0, "sep_token_id": 2},
    "mpt": {"expansion_ratio": 2},
    "nllb-moe": {"encoder_sparse_step": 2, "decoder_sparse_step": 2},
    "phi": {"num_key_value_heads": 4},
    "xlnet": {"max_position_embeddings": USUAL, "d_head": 8},
    "switch_transformers": {"num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1},
}
DECODERS = [
    "apertus",
    "arcee",
    "biogpt",
    "cohere",
    "cohere2",
    "ctrl",
    "deepseek_v2",
    "deepseek_v3",
    "ernie4_5",
    "exaone4",
    "gemma",
    "gemma2",
    "gemma3_text",
    "glm",
    "glm4",
    "gpt2",
    "gpt_bigcode",
    "gpt_neox",
    "gpt_oss",
    "granite",
    "granitemoe",
    "helium",
    "llama",
    "mistral",
    "mixtral",
    "nemotron",
    "olmo",
    "olmo2",
    "olmoe",
    "opt",
    "persimmon",
    "phi",
    "phi3",
    "phimoe",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "seed_oss",
    "smollm3",
    "stablelm",
    "starcoder2",
]
ENCODERS = [
    "albert",
    "bert",
    "camembert",
    "data2vec-text",
    "distilbert",
    "electra",
    "ernie",
    "esm",
    "layoutlm",
    "mobilebert",
    "modernbert",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
]
BOTH = [
    "bart",
    "bigbird_pegasus",
    "blenderbot",
    "blenderbot-small",
    "m2m_100",
    "marian",
    "mbart",
    "mt5",
    "nllb-moe",
    "pegasus",
    "plbart",
    "switch_transformers",
    "t5",
    "umt5",
]
OUTSIDE = [
    "big_bird",
    "bloom",
    "codegen",
    "convbert",
    "deberta",
    "deberta-v2",
    "falcon",
    "fsmt",
    "gpt_neo",
    "gptj",
    "ibert",
    "luke",
    "megatron-bert",
    "mpnet",
    "mpt",
    "openai-gpt",
    "rembert",
    "roformer",
    "xglm",
    "xlnet",
]
# Outside transformers' attention interface: their softmax is heard.
WITHOUT_ATTENTION = ("mamba", "rwkv")
EVERY = (*DECODERS, *ENCODERS, *BOTH, *OUTSIDE)


def config_of(family: str, **changes: Any) -> Any:
    """A small config of `family`."""
    usual = CONFIG_MAPPING[family]()
    known = {name: value for name, value in _SIZES.items() if hasattr(usual, name)}
    if usual.is_encoder_decoder:
        known["decoder_start_token_id"] = 0
    wanted = {**known, **SPECIAL.get(family, {}), **changes}
    return CONFIG_MAPPING[family](**{name: value for name, value in wanted.items() if value is not USUAL})


def kind_of_family(family: str) -> str:
    """Which of the three kinds a family is."""
    return kind_of(config_of(family).to_dict())


def build(family: str, **changes: Any) -> Any:
    """A random model, eval mode, weights wide enough that attention is not uniform."""
    config = config_of(family, **changes)
    torch.manual_seed(7)
    model = model_class(config, kind_of(config.to_dict()), Path(family))(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                # MobileBERT has no real norms; with wide weights its scores grow until rounding shows.
                parameter.normal_(std=0.1 if family == "mobilebert" else 0.3)
            elif "norm" in name.lower() and name.endswith("weight"):
                parameter.uniform_(0.5, 1.5)
    return model.eval()


def tokenizer_for(kind: str) -> PreTrainedTokenizerFast:
    """The tiny tokenizer with what a kind puts around a text: `</s>` after it, for encoders `<s>` before it too."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "<pad>", "eos_token": "</s>", "mask_token": "<mask>"})
    start, end = 0, tokenizer.eos_token_id
    ends = [("<s>", start), ("</s>", end)]
    single, pair = ("$A </s>", None) if kind == ENCODER_DECODER else ("<s> $A </s>", "<s> $A </s> $B:1 </s>:1")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair or "$A $B:1 </s>:1", special_tokens=ends
    )
    return tokenizer


def save(folder: Path, family: str, **changes: Any) -> Path:
    """An ordinary model folder with config, safetensors and tokenizer."""
    kind = kind_of_family(family)
    tokenizer = tokenizer_for(kind) if kind != "decoder" else tiny_tokenizer()
    model = build(family, **{"vocab_size": VOCABULARY + 8, **changes})
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

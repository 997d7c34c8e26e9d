"""Small random models of many families and a byte-level tokenizer: what the token loop is compared on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS = 0, 1, 2
FIRST_BYTE = 3
VOCABULARY = FIRST_BYTE + 256

SMALL = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=128,
    bos_token_id=BOS,
    eos_token_id=EOS,
    pad_token_id=PAD,
)
GROUPED = SMALL | dict(num_key_value_heads=2, head_dim=8)
# A window shorter than the texts of the tests, so that it bites.
WINDOWED = GROUPED | dict(sliding_window=6)

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": (
        "GPT2",
        dict(
            vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=128, bos_token_id=BOS, eos_token_id=EOS
        ),
    ),
    "opt": ("OPT", SMALL | dict(ffn_dim=64, word_embed_proj_dim=32)),
    "llama": ("Llama", GROUPED),
    "qwen2": ("Qwen2", WINDOWED | dict(use_sliding_window=True, max_window_layers=1)),
    "qwen3": ("Qwen3", GROUPED),
    "mistral": ("Mistral", WINDOWED),
    "gemma2": ("Gemma2", WINDOWED | dict(query_pre_attn_scalar=8)),
    "gemma3_text": (
        "Gemma3",
        WINDOWED | dict(query_pre_attn_scalar=8, layer_types=["sliding_attention", "full_attention"]),
    ),
    "phi": ("Phi", SMALL | dict(num_key_value_heads=2)),
    "phi3": ("Phi3", SMALL | dict(num_key_value_heads=2, sliding_window=6)),
    "gpt_neox": ("GPTNeoX", SMALL),
}
SEQ2SEQ: dict[str, tuple[str, dict[str, Any]]] = {
    "bart": (
        "Bart",
        dict(
            vocab_size=VOCABULARY,
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            max_position_embeddings=128,
            bos_token_id=BOS,
            eos_token_id=EOS,
            pad_token_id=PAD,
            decoder_start_token_id=EOS,
            forced_eos_token_id=EOS,
        ),
    ),
    "t5": (
        "T5",
        dict(
            vocab_size=VOCABULARY,
            d_model=32,
            d_kv=8,
            d_ff=64,
            num_layers=2,
            num_heads=4,
            eos_token_id=EOS,
            pad_token_id=PAD,
            decoder_start_token_id=PAD,
        ),
    ),
}


@dataclass
class Loaded:
    """The part of a LoadedModel that the loop reads."""

    model: Any
    tokenizer: Any
    family: str
    kind: str
    weights_state: tuple[bool, int] = (False, 0)


def byte_tokenizer(add_bos: bool = False) -> PreTrainedTokenizerFast:
    """One token a byte, id FIRST_BYTE + place in the byte-level alphabet; optionally a BOS in front."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": PAD, "<bos>": BOS, "<eos>": EOS} | {c: FIRST_BYTE + i for i, c in enumerate(alphabet)}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    if add_bos:
        backend.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", BOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )


def build(family: str, add_bos: bool = False, **changes: Any) -> Loaded:
    """A random model of the family. Untied and with wide weights, so that greedy text wanders instead of repeating."""
    seq2seq = family in SEQ2SEQ
    prefix, arguments = (SEQ2SEQ if seq2seq else FAMILIES)[family]
    stem = "Gemma3Text" if family == "gemma3_text" else prefix
    config = getattr(transformers, f"{stem}Config")(**({"tie_word_embeddings": False} | arguments | changes))
    head = "ForConditionalGeneration" if seq2seq else "LMHeadModel" if family == "gpt2" else "ForCausalLM"
    torch.manual_seed(7)
    model = getattr(transformers, prefix + head)(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1 and "embed" not in name and "shared" not in name:
                parameter.mul_(12)
    return Loaded(model, byte_tokenizer(add_bos), family, "encoder-decoder" if seq2seq else "decoder")

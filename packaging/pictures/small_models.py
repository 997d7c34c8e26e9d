"""Models that no bundle has, made in a moment: another tokenizer beside story-gpt's, an encoder-decoder that learnt
nothing."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

TALES = Path(__file__).resolve().parents[2] / "resources" / "finetune" / "pirate-tales.jsonl"
START, END, FILLER = "<s>", "</s>", "<pad>"
VOCABULARY, CONTEXT, SEED = 700, 256, 0
STEPS = 200


def small_llama(folder: Path) -> Path:
    """A decoder with a tokenizer of short tokens that read tales of pirates for some seconds.

    What Evaluate measures it on is new to it.
    """
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=96,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=512,
        )
    )
    tokenizer = _tokenizer()
    ids = torch.tensor([token for text in _texts() for token in tokenizer(text)["input_ids"]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(STEPS):
        starts = torch.randint(0, len(ids) - CONTEXT, (2,))
        batch = torch.stack([ids[start : start + CONTEXT] for start in starts.tolist()])
        optimizer.zero_grad()
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
    return _saved(model.eval(), tokenizer, folder)


def random_bart(folder: Path) -> Path:
    """An encoder-decoder with random weights: what attention looks like before anything was learnt."""
    torch.manual_seed(SEED)
    config = BartConfig(
        vocab_size=VOCABULARY,
        d_model=64,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        max_position_embeddings=128,
        pad_token_id=2,
        bos_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=1,
        forced_eos_token_id=None,
    )
    return _saved(BartForConditionalGeneration(config).eval(), _tokenizer(), folder)


def _texts() -> list[str]:
    return [json.loads(line)["text"] for line in TALES.read_text(encoding="utf-8").splitlines()]


def _tokenizer() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[START, END, FILLER],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(_texts(), trainer)
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=START, eos_token=END, pad_token=FILLER)


def _saved(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

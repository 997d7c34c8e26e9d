"""Train story-gpt, the bundled decoder-only model, from tokenizer to model folder.

    python packaging/train_story_gpt.py --data CORPORA --work WORK --out resources/models/story-gpt

CORPORA holds `childrens-books/simple_train.txt.xz` (public-domain books of Project Gutenberg, mirrored by the GitHub
organisation GITenberg) and `tinystories/train.txt.xz`, `tinystories/valid.txt` (roneneldan/TinyStories on Hugging
Face, CDLA-Sharing-1.0). Stop it at any moment; the same command goes on from the last checkpoint in WORK.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from training.bpe import save_tokenizer, train_bpe
from training.causal import causal_loss
from training.corpora import read_text
from training.held_out import bits_per_byte
from training.loop import Recipe, train
from training.windows import WindowSampler

CONTEXT = 512
BATCH = 16
VOCABULARY = 4096


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--work", type=Path, required=True, help="folder for the tokenizer and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the finished model to")
    parser.add_argument("--steps", type=int, default=2500, help="optimizer steps of 16 windows of 512 tokens")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def tokenizer_for(corpora: list[str], work: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in `work`, trained on `corpora` when it is not there yet."""
    folder = work / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        lines = (line for text in corpora for line in text.splitlines(keepends=True))
        save_tokenizer(train_bpe(lines, VOCABULARY, CONTEXT), folder)
    return AutoTokenizer.from_pretrained(folder)


def encoded(tokenizer: PreTrainedTokenizerFast, text: str) -> np.ndarray:
    """The ids of the whole text, uint16, encoded paragraph by paragraph (BPE never merges across a line's end)."""
    batches = tokenizer.backend_tokenizer.encode_batch(text.splitlines(keepends=True))
    return np.concatenate([np.asarray(line.ids, dtype=np.uint16) for line in batches])


def new_model(tokenizer: PreTrainedTokenizerFast) -> GPT2LMHeadModel:
    """story-gpt with fresh weights: 4 blocks of 4 heads, width 256, 4.3 M parameters."""
    torch.manual_seed(0)
    end = tokenizer.eos_token_id
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=CONTEXT,
            n_embd=256,
            n_layer=4,
            n_head=4,
            resid_pdrop=0.05,
            embd_pdrop=0.05,
            attn_pdrop=0.0,
            bos_token_id=end,
            eos_token_id=end,
        )
    )


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    books = read_text(options.data / "childrens-books" / "simple_train.txt.xz")
    stories = read_text(options.data / "tinystories" / "train.txt.xz")
    valid = read_text(options.data / "tinystories" / "valid.txt")
    tokenizer = tokenizer_for([books, stories], options.work)
    streams = [encoded(tokenizer, books), encoded(tokenizer, stories)]
    valid_ids = encoded(tokenizer, valid)
    print(f"tokens: books {len(streams[0]):,}, stories {len(streams[1]):,}, held out {len(valid_ids):,}", flush=True)
    model = new_model(tokenizer).to(options.device)
    recipe = Recipe(options.steps)
    loss = causal_loss(model, WindowSampler(streams, CONTEXT), BATCH, recipe, (0.65, 0.35), decay_shares=(0.45, 0.55))
    part = valid_ids[:16_384]
    part_bytes = len(tokenizer.decode(part.tolist()).encode())

    def report() -> str:
        return f"held out {bits_per_byte(model, part, part_bytes, CONTEXT, CONTEXT - 1):.4f} bits per byte"

    train(model, loss, recipe, options.work / "checkpoint.pt", report)
    model.float().cpu().eval().save_pretrained(options.out)
    save_tokenizer(tokenizer, options.out)
    final = bits_per_byte(model, valid_ids, len(valid.encode()), CONTEXT, CONTEXT // 2)
    print(f"wrote {options.out}: {final:.4f} bits per byte on the whole of tinystories/valid", flush=True)


if __name__ == "__main__":
    main()

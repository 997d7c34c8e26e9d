"""Train bart-en-fr, the bundled encoder-decoder, from tokenizer to model folder.

    python packaging/train_bart_en_fr.py --data CORPORA --work WORK --out resources/models/bart-en-fr

CORPORA holds `tatoeba-en-fr/train.tsv.xz` and `tatoeba-en-fr/valid_multiref.tsv` (manythings.org/anki and tatoeba.org,
CC BY 2.0 FR). Stop it at any moment; the same command goes on from the last checkpoint in WORK.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tokenizers import processors
from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from training.bpe import save_tokenizer, train_bpe
from training.loop import Recipe, train
from training.pairs import EncodedPairs, read_pairs, read_references
from training.translation import held_out_loss, translation_loss

CONTEXT = 64
VOCABULARY = 8000
WORDS = 10
PAIRS = 256


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--work", type=Path, required=True, help="folder for the tokenizer and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the finished model to")
    parser.add_argument("--steps", type=int, default=5000, help=f"optimizer steps of {PAIRS} pairs")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def tokenizer_for(pairs: list[tuple[str, str]], work: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of both languages in `work`, trained on `pairs` when it is not there yet.

    It ends every text with `</s>` and begins none: the decoder's start token `<s>` is the model's to give.
    """
    folder = work / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        lines = (f"{side}\n" for pair in pairs for side in pair)
        tokenizer = train_bpe(lines, VOCABULARY, CONTEXT, special=("<s>", "<pad>", "</s>"))
        tokenizer.pad_token = "<pad>"
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", tokenizer.convert_tokens_to_ids("</s>"))]
        )
        save_tokenizer(tokenizer, folder)
    return AutoTokenizer.from_pretrained(folder)


def new_model(tokenizer: PreTrainedTokenizerFast) -> BartForConditionalGeneration:
    """bart-en-fr with fresh weights: 3 + 3 blocks of 4 heads, width 192, 4.2 M parameters."""
    torch.manual_seed(0)
    return BartForConditionalGeneration(
        BartConfig(
            vocab_size=VOCABULARY,
            max_position_embeddings=CONTEXT,
            d_model=192,
            encoder_layers=3,
            decoder_layers=3,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=576,
            decoder_ffn_dim=576,
            dropout=0.1,
            attention_dropout=0.0,
            activation_dropout=0.0,
            scale_embedding=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            decoder_start_token_id=tokenizer.bos_token_id,
            forced_eos_token_id=None,
        )
    )


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    pairs = read_pairs(options.data / "tatoeba-en-fr" / "train.tsv.xz", WORDS)
    apart = read_references(options.data / "tatoeba-en-fr" / "valid_multiref.tsv", WORDS)
    tokenizer = tokenizer_for(pairs, options.work)
    encoded = EncodedPairs(tokenizer, pairs)
    held_out = EncodedPairs(tokenizer, [(source, references[0]) for source, references in apart])
    model = new_model(tokenizer).to(options.device)
    print(f"{len(encoded):,} pairs, {model.num_parameters():,} parameters", flush=True)
    train(
        model,
        translation_loss(model, encoded, PAIRS),
        Recipe(options.steps),
        options.work / "checkpoint.pt",
        lambda: f"held out: {held_out_loss(model, held_out):.3f} nats per token",
    )
    model.float().cpu().eval()
    model.generation_config.update(num_beams=1, max_new_tokens=CONTEXT - 2)
    model.save_pretrained(options.out)
    save_tokenizer(tokenizer, options.out)
    print(f"wrote {options.out}", flush=True)


if __name__ == "__main__":
    main()

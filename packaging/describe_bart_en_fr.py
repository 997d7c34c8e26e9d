"""Measure bart-en-fr and write its model card.

    python packaging/describe_bart_en_fr.py --data CORPORA --model resources/models/bart-en-fr --steps 5000

CORPORA is the folder that the model was trained from. The card holds figures that this script measured, nothing typed
by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import sacrebleu
import torch
from transformers import AutoTokenizer, BartForConditionalGeneration, PreTrainedTokenizerFast

from train_bart_en_fr import CONTEXT, PAIRS, WORDS
from training.dictionary import Dictionary
from training.pairs import read_pairs, read_references

CARD = Path(__file__).with_name("training") / "bart_en_fr_card.md"
SAMPLES = (
    "The house is big.",
    "Tom likes to eat red apples.",
    "Where did you buy that hat?",
    "She has never seen the sea.",
    "I don't know what to do.",
    "My father reads the newspaper every morning.",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    parser.add_argument("--steps", type=int, required=True, help="optimizer steps it was trained for")
    return parser.parse_args()


@torch.inference_mode()
def translated(
    model: BartForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, texts: list[str], beams: int
) -> list[str]:
    """The translations, in the order of the texts."""
    found: list[str] = []
    for first in range(0, len(texts), 50):
        encoded = tokenizer(texts[first : first + 50], return_tensors="pt", padding=True)
        made = model.generate(**encoded, num_beams=beams, max_new_tokens=CONTEXT - 2, do_sample=False)
        found += tokenizer.batch_decode(made, skip_special_tokens=True)
    return found


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = BartForConditionalGeneration.from_pretrained(options.model).eval()
    pairs = read_pairs(options.data / "tatoeba-en-fr" / "train.tsv.xz", WORDS)
    rows = read_references(options.data / "tatoeba-en-fr" / "valid_multiref.tsv", WORDS)
    texts = [text for text, _ in rows]
    most = max(len(references) for _, references in rows)
    references: list[Any] = [[each[place] if place < len(each) else None for _, each in rows] for place in range(most)]
    metric = sacrebleu.BLEU()
    dictionary = Dictionary(pairs)
    figures = {
        "greedy": translated(model, tokenizer, texts, 1),
        "beam": translated(model, tokenizer, texts, 4),
        "dictionary": [dictionary.translate(text) for text in texts],
        "copy": texts,
    }
    scores = {name: metric.corpus_score(made, references).score for name, made in figures.items()}
    print(scores, flush=True)
    lines = ["| English | greedy |", "| --- | --- |"]
    samples = translated(model, tokenizer, list(SAMPLES), 1)
    lines += [f"| {text} | {made} |" for text, made in zip(SAMPLES, samples, strict=True)]
    config = model.config
    card = CARD.read_text(encoding="utf-8").format(
        parameters=model.num_parameters(),
        layers=config.decoder_layers,
        heads=config.decoder_attention_heads,
        width=config.d_model,
        context=CONTEXT,
        vocabulary=config.vocab_size,
        pairs=len(pairs),
        words=WORDS,
        steps=options.steps,
        batch=PAIRS,
        signature=str(metric.get_signature()),
        sentences=len(texts),
        samples="\n".join(lines),
        **scores,
    )
    (options.model / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Measure story-bert and story-bert-sentiment and write their model cards.

    python packaging/describe_story_bert.py --data CORPORA --models resources/models --steps 7000 --sentiment-steps 800

CORPORA is the folder that they were trained from, with `childrens-books/valid.txt`, `tinystories/valid.txt` and `sst2`
besides. The cards hold figures that this script measured, nothing typed by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BertForPreTraining, BertForSequenceClassification

from train_story_bert import CONTEXT, TOKENS, read_corpora
from train_story_bert_sentiment import SENTENCES
from training.classifying import accuracy, bag_of_words_accuracies
from training.corpora import documents, read_text
from training.masked import CountedGuess, held_out_figures
from training.sentences import PairSampler, encode_documents
from training.sentiment_data import read_sentiment

TEMPLATES = Path(__file__).with_name("training")
GAPS = (
    "the little girl [MASK] to the door.",
    "once upon a [MASK] there was a king.",
    "the cat sat on the [MASK].",
    "he gave the [MASK] to his mother.",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--models", type=Path, required=True, help="folder with both models")
    parser.add_argument("--steps", type=int, required=True, help="optimizer steps of story-bert")
    parser.add_argument("--sentiment-steps", type=int, required=True, help="optimizer steps of the sentiment head")
    return parser.parse_args()


@torch.inference_mode()
def samples(model: BertForPreTraining, tokenizer: AutoTokenizer) -> str:
    """What stands in each gap, as a table."""
    lines = ["| gap | guesses |", "| --- | --- |"]
    for text in GAPS:
        encoded = tokenizer(text, return_tensors="pt")
        place = int((encoded["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0])
        shares = model(**encoded).prediction_logits[0, place].softmax(-1)
        best = shares.topk(4)
        words = (f"{tokenizer.decode([i])} {p:.0%}" for p, i in zip(best.values, best.indices.tolist(), strict=True))
        lines.append(f"| {text} | {', '.join(words)} |")
    return "\n".join(lines)


def describe_encoder(options: argparse.Namespace) -> None:
    """Write the card of story-bert."""
    folder = options.models / "story-bert"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertForPreTraining.from_pretrained(folder).eval()
    special = tokenizer.cls_token_id, tokenizer.sep_token_id
    streams = [encode_documents(tokenizer, corpus) for corpus in read_corpora(options.data)]
    guess = CountedGuess(np.concatenate([stream.ids for stream in streams]), len(tokenizer))
    figures: dict[str, float] = {}
    for name, path in (("tiny", "tinystories/valid.txt"), ("children", "childrens-books/valid.txt")):
        texts = documents(read_text(options.data / path))
        sampler = PairSampler([encode_documents(tokenizer, texts)], (1.0,), *special)
        figures[name], figures[f"{name}_pairs"] = held_out_figures(model, sampler, tokenizer.mask_token_id)
        figures[f"{name}_one"], figures[f"{name}_two"] = guess.accuracies(sampler)
    print(figures, flush=True)
    config = model.config
    card = (
        (TEMPLATES / "story_bert_card.md")
        .read_text(encoding="utf-8")
        .format(
            parameters=model.num_parameters(),
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            width=config.hidden_size,
            context=CONTEXT,
            vocabulary=config.vocab_size,
            books=len(streams[0].ids) + len(streams[1].ids),
            stories=len(streams[2].ids),
            single=len(streams[3].ids),
            steps=options.steps,
            batch=TOKENS,
            samples=samples(model, tokenizer),
            **figures,
        )
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def describe_classifier(options: argparse.Namespace) -> None:
    """Write the card of story-bert-sentiment."""
    folder = options.models / "story-bert-sentiment"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    data = read_sentiment(options.data)
    baseline = bag_of_words_accuracies(data.train, data.validation, data.tests)
    rows = [
        f"| {name} | **{accuracy(model, tokenizer, tested):.1%}** | {baseline[name]:.1%} |"
        for name, tested in data.tests.items()
    ]
    print("\n".join(rows), flush=True)
    card = (
        (TEMPLATES / "story_bert_sentiment_card.md")
        .read_text(encoding="utf-8")
        .format(
            parameters=model.num_parameters(),
            sentences=len(data.train),
            steps=options.sentiment_steps,
            batch=SENTENCES,
            rows="\n".join(rows),
        )
    )
    (folder / "README.md").write_text(card, encoding="utf-8")


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    describe_encoder(options)
    describe_classifier(options)


if __name__ == "__main__":
    main()

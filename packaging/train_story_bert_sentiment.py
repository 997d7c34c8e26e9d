"""Give story-bert a sentiment head and finetune it.

    python packaging/train_story_bert_sentiment.py --data CORPORA --work WORK \
        --encoder resources/models/story-bert --out resources/models/story-bert-sentiment

CORPORA holds `sentence-polarity`, `pros-cons` and `uci-sentiment` (CC BY 4.0); `sst2` only for the figures. Stop it at
any moment; the same command goes on from the last checkpoint in WORK.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from training.bpe import save_tokenizer
from training.classifying import accuracy, classifier_loss
from training.loop import Recipe, train
from training.sentiment_data import read_sentiment

SENTENCES = 64


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--work", type=Path, required=True, help="folder for the checkpoints")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of story-bert")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the finished model to")
    parser.add_argument("--steps", type=int, default=800, help=f"optimizer steps of {SENTENCES} sentences")
    parser.add_argument("--rate", type=float, default=2e-3, help="largest learning rate")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    data = read_sentiment(options.data)
    tokenizer = AutoTokenizer.from_pretrained(options.encoder)
    model = BertForSequenceClassification.from_pretrained(
        options.encoder,
        id2label={0: "negative", 1: "positive"},
        label2id={"negative": 0, "positive": 1},
        hidden_dropout_prob=0.2,
        classifier_dropout=0.3,
    ).to(options.device)
    print(f"{len(data.train):,} sentences, {model.num_parameters():,} parameters", flush=True)
    train(
        model,
        classifier_loss(model, tokenizer, data.train, SENTENCES),
        Recipe(options.steps, matrix_rate=options.rate, other_rate=options.rate, decay=0.9),
        options.work / "checkpoint.pt",
        lambda: f"validation {100 * accuracy(model, tokenizer, data.validation):.1f} %",
        evaluate_every=100,
    )
    model = model.float().cpu().eval()
    for name, rows in data.tests.items():
        print(f"{name}: {100 * accuracy(model, tokenizer, rows):.1f} %", flush=True)
    model.save_pretrained(options.out)
    save_tokenizer(tokenizer, options.out)
    print(f"wrote {options.out}", flush=True)


if __name__ == "__main__":
    main()

"""The loss of a sentence classifier, its accuracy, and the bag of words beside which it is reported."""

from __future__ import annotations

import numpy as np
import torch
from transformers import BatchEncoding, BertForSequenceClassification, PreTrainedTokenizerFast

from training.loop import Loss
from training.sentiment_data import Labelled


def classifier_loss(
    model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerFast, rows: Labelled, size: int
) -> Loss:
    """Cross-entropy on `size` sentences a batch, drawn anew at every step."""

    def loss_of(step: int, generator: np.random.Generator) -> tuple[torch.Tensor, int]:
        chosen = [rows[place] for place in generator.integers(len(rows), size=size)]
        encoded = _encoded(tokenizer, [sentence for sentence, _ in chosen]).to(model.device)
        labels = torch.tensor([label for _, label in chosen], device=model.device)
        with torch.autocast(model.device.type, torch.bfloat16):
            logits = model(**encoded).logits
        return torch.nn.functional.cross_entropy(logits.float(), labels), encoded["input_ids"].numel()

    return loss_of


@torch.inference_mode()
def accuracy(model: BertForSequenceClassification, tokenizer: PreTrainedTokenizerFast, rows: Labelled) -> float:
    """Share of the sentences whose label the model finds."""
    right = 0
    for first in range(0, len(rows), 64):
        part = rows[first : first + 64]
        logits = model(**_encoded(tokenizer, [sentence for sentence, _ in part]).to(model.device)).logits
        right += int((logits.argmax(-1).cpu() == torch.tensor([label for _, label in part])).sum())
    return right / len(rows)


def bag_of_words_accuracies(train: Labelled, validation: Labelled, tests: dict[str, Labelled]) -> dict[str, float]:
    """Logistic regression on which words a sentence has (lower case), its strength chosen on `validation`."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = CountVectorizer(binary=True, token_pattern=r"(?u)\b\w+\b|[!?]")
    features = vectorizer.fit_transform([sentence for sentence, _ in train])
    labels = [label for _, label in train]

    def score(model: LogisticRegression, rows: Labelled) -> float:
        return float(model.score(vectorizer.transform([text for text, _ in rows]), [label for _, label in rows]))

    fitted = [LogisticRegression(C=strength, max_iter=1000).fit(features, labels) for strength in (0.03, 0.1, 0.3, 1)]
    best = max(fitted, key=lambda model: score(model, validation))
    return {name: score(best, rows) for name, rows in tests.items()}


def _encoded(tokenizer: PreTrainedTokenizerFast, sentences: list[str]) -> BatchEncoding:
    return tokenizer(sentences, return_tensors="pt", padding=True, truncation=True, max_length=64)

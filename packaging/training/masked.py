"""The two losses of BERT: the words that were masked, and whether the second sentence follows the first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from transformers import BertForPreTraining

from training.loop import Loss
from training.sentences import NOT_A_PAIR, PairSampler, Windows

SHARE = 0.2
SPECIAL_IDS = 5
"""Ids below are special tokens: never masked, never drawn."""


def mask_words(
    ids: np.ndarray, mask_id: int, vocabulary: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Of the tokens that are not special, `SHARE` is chosen; of those 80 % become the mask, 10 % a random token, 10 %
    stay (Devlin et al. 2019, section 3.1). Returns the changed ids and which were chosen, both `[window, token]`.
    """
    chosen = (ids >= SPECIAL_IDS) & (generator.random(ids.shape) < SHARE)
    fate = generator.random(ids.shape)
    changed = np.where(chosen & (fate < 0.8), mask_id, ids)
    drawn = generator.integers(SPECIAL_IDS, vocabulary, ids.shape)
    return np.where(chosen & (fate >= 0.9), drawn, changed), chosen


def pretraining_loss(model: BertForPreTraining, sampler: PairSampler, mask_id: int, tokens: int) -> Loss:
    """Batches of about `tokens` tokens, of windows of 32, 64 or 128."""
    device = next(model.parameters()).device

    def loss_of(step: int, generator: np.random.Generator) -> tuple[torch.Tensor, int]:
        length = int(generator.choice([32, 64, 128]))
        windows = sampler.batch(tokens // length, length, generator)
        changed, chosen = mask_words(windows.ids, mask_id, model.config.vocab_size, generator)
        with torch.autocast(device.type, torch.bfloat16):
            words, follows = predictions(model, windows, changed, chosen)
        loss = torch.nn.functional.cross_entropy(words.float(), torch.from_numpy(windows.ids[chosen]).to(device))
        if (windows.follows != NOT_A_PAIR).any():
            labels = torch.from_numpy(windows.follows).to(device)
            loss = loss + 0.5 * torch.nn.functional.cross_entropy(follows.float(), labels)
        return loss, int((windows.ids != 0).sum())

    return loss_of


def predictions(
    model: BertForPreTraining, windows: Windows, changed: np.ndarray, chosen: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of the chosen tokens `[chosen, vocabulary]` and of "follows" and "does not" `[window, 2]`.

    The vocabulary's projection is computed for the chosen tokens alone; it would be most of the work otherwise.
    """
    device = next(model.parameters()).device
    ids, types = torch.from_numpy(changed).to(device), torch.from_numpy(windows.types).to(device)
    hidden = model.bert(input_ids=ids, token_type_ids=types, attention_mask=(ids != 0).long())
    words = model.cls.predictions(hidden.last_hidden_state[torch.from_numpy(chosen).to(device)])
    return words, model.cls.seq_relationship(hidden.pooler_output)


def held_out_batches(sampler: PairSampler, windows: int = 400) -> Iterator[tuple[Windows, np.ndarray]]:
    """The same windows every time, each with the tokens to be guessed, bool `[window, token]`: 15 % of them."""
    generator = np.random.default_rng(99)
    for _ in range(windows // 40):
        batch = sampler.batch(40, 64, generator)
        yield batch, (batch.ids >= SPECIAL_IDS) & (generator.random(batch.ids.shape) < 0.15)


@torch.inference_mode()
def held_out_figures(model: BertForPreTraining, sampler: PairSampler, mask_id: int) -> tuple[float, float]:
    """Share of masked tokens guessed right, and of second sentences judged right.

    Every chosen token is replaced by the mask here.
    """
    words_right, words, pairs_right, pairs = 0, 0, 0, 0
    for batch, chosen in held_out_batches(sampler):
        guessed, follows = predictions(model, batch, np.where(chosen, mask_id, batch.ids), chosen)
        words_right += int((guessed.argmax(-1).cpu().numpy() == batch.ids[chosen]).sum())
        words += int(chosen.sum())
        paired = batch.follows != NOT_A_PAIR
        pairs_right += int((follows.argmax(-1).cpu().numpy() == batch.follows)[paired].sum())
        pairs += int(paired.sum())
    return words_right / words, pairs_right / max(1, pairs)


class CountedGuess:
    """What counting alone makes of a masked token: the commonest token, or the commonest after the one before."""

    def __init__(self, ids: np.ndarray, vocabulary: int) -> None:
        tokens = ids.astype(np.int64)
        self.commonest = int(np.bincount(tokens, minlength=vocabulary).argmax())
        pairs, counts = np.unique(tokens[:-1] * vocabulary + tokens[1:], return_counts=True)
        order = np.argsort(counts, kind="stable")
        self.after = np.full(vocabulary, self.commonest)
        # Written from the rarest on, so that the commonest follower of each token stands in the end.
        self.after[pairs[order] // vocabulary] = pairs[order] % vocabulary

    def accuracies(self, sampler: PairSampler) -> tuple[float, float]:
        """Share guessed right by the commonest token, and by the commonest after the token before.

        Where the token before is masked too, or is none of the text, the commonest of all is guessed.
        """
        one, two, words = 0, 0, 0
        for batch, chosen in held_out_batches(sampler):
            before = np.roll(batch.ids, 1, axis=1)
            known = ~np.roll(chosen, 1, axis=1) & (before >= SPECIAL_IDS)
            guess = np.where(known, self.after[before], self.commonest)
            one += int((batch.ids[chosen] == self.commonest).sum())
            two += int((batch.ids[chosen] == guess[chosen]).sum())
            words += int(chosen.sum())
        return one / words, two / words

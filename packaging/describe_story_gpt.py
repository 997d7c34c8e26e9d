"""Measure story-gpt and write its model card.

    python packaging/describe_story_gpt.py --data CORPORA --model resources/models/story-gpt --steps 2800

CORPORA is the folder that the model was trained from, with `childrens-books/valid.txt` and `tinystories/valid.txt`
besides. The card (README.md in the model's folder) holds figures that this script measured, nothing typed by hand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.engine.decode import DecodingSettings, stream
from app.engine.models import load
from app.engine.models.loaded import LoadedModel
from train_story_gpt import BATCH, CONTEXT, encoded
from training.corpora import documents, read_text
from training.head_table import as_table, measured_heads
from training.held_out import bits_per_byte
from training.ngram import InterpolatedTrigram

PROMPTS = ("Once upon a time, there was a", "Lily found a shiny key under the old tree. She", '"Look!" said Uncle')
PASSAGES = 20

CARD = Path(__file__).with_name("training") / "story_gpt_card.md"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    parser.add_argument("--steps", type=int, required=True, help="optimizer steps it was trained for")
    return parser.parse_args()


def samples(model: LoadedModel) -> str:
    """One continuation of each prompt, as Markdown quotes."""
    texts = []
    for seed, prompt in enumerate(PROMPTS):
        settings = DecodingSettings(temperature=0.8, top_p=0.9, max_new_tokens=90, seed=seed)
        written = "".join(step.text for step in stream(model, prompt, settings))
        texts.append(f"> **{prompt}**{written}".replace("\n", "\n> "))
    return "\n\n".join(texts)


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    model = load(options.model)
    summary = model.summary
    books = encoded(model.tokenizer, read_text(options.data / "childrens-books" / "simple_train.txt.xz"))
    stories = encoded(model.tokenizer, read_text(options.data / "tinystories" / "train.txt.xz"))
    counted = [ids[: -len(ids) // 50] for ids in (books, stories)]
    trigram = InterpolatedTrigram(np.concatenate(counted), summary.vocabulary)
    figures = {}
    for name, like, path in (
        ("tiny", stories, "tinystories/valid.txt"),
        ("children", books, "childrens-books/valid.txt"),
    ):
        text = read_text(options.data / path)
        ids, size = encoded(model.tokenizer, text), len(text.encode())
        figures[name] = bits_per_byte(model.model, ids, size, CONTEXT, CONTEXT // 2)
        figures[f"{name}_trigram"] = trigram.bits_per_byte(ids, size, trigram.fit(like[-len(like) // 50 :]))
        print(f"{path}: {figures[name]:.4f}, trigram {figures[f'{name}_trigram']:.4f} bits per byte", flush=True)
    held_out = documents(read_text(options.data / "tinystories" / "valid.txt"))
    passages = [document[:280].rpartition(" ")[0] for document in held_out[:PASSAGES]]
    card = CARD.read_text(encoding="utf-8").format(
        parameters=summary.parameters,
        layers=summary.layers,
        heads=summary.heads,
        width=summary.width,
        context=CONTEXT,
        vocabulary=summary.vocabulary,
        books=len(books),
        stories=len(stories),
        steps=options.steps,
        batch=BATCH,
        seen=options.steps * BATCH * CONTEXT / 1e6,
        stride=CONTEXT // 2,
        passages=len(passages),
        table=as_table(measured_heads(model, passages)),
        samples=samples(model),
        **figures,
    )
    (options.model / "README.md").write_text(card, encoding="utf-8")
    print(f"wrote {options.model / 'README.md'}")


if __name__ == "__main__":
    main()

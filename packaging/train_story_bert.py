"""Train story-bert, the bundled encoder, from tokenizer to model folder.

    python packaging/train_story_bert.py --data CORPORA --work WORK --out resources/models/story-bert

CORPORA holds `childrens-books` and `tinystories` as for story-gpt, the English column of `tatoeba-en-fr/train.tsv.xz`
(manythings.org/anki and tatoeba.org, CC BY 2.0 FR), and the sentences, without their labels, of `sentence-polarity`,
`pros-cons` and `uci-sentiment` (CC BY 4.0). Stop it at any moment; the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertConfig, BertForPreTraining, PreTrainedTokenizerFast

from training.bpe import save_tokenizer
from training.corpora import documents, read_text
from training.labelled import read_labelled
from training.loop import Recipe, train
from training.masked import held_out_figures, pretraining_loss
from training.sentences import PairSampler, encode_documents
from training.wordpiece import train_wordpiece

CONTEXT = 128
VOCABULARY = 4096
TOKENS = 6144
LABELLED = (
    "sentence-polarity/rt_polarity_train.tsv",
    "pros-cons/pros_cons.tsv",
    "uci-sentiment/amazon_cells.tsv",
    "uci-sentiment/imdb.tsv",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--work", type=Path, required=True, help="folder for the tokenizer and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the finished model to")
    parser.add_argument("--steps", type=int, default=7000, help=f"optimizer steps of about {TOKENS} tokens")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def read_corpora(data: Path) -> list[list[str]]:
    """The documents of each stream: easier books, harder books, stories, single sentences."""
    books = documents(read_text(data / "childrens-books" / "simple_train.txt.xz"))
    classics = documents(read_text(data / "childrens-books" / "classic_train.txt.xz"))
    stories = documents(read_text(data / "tinystories" / "train.txt.xz"))
    pairs = read_text(data / "tatoeba-en-fr" / "train.tsv.xz").splitlines()
    single = sorted({line.split("\t")[0] for line in pairs})
    for name in LABELLED:
        single += [sentence for sentence, _ in read_labelled(data / name)]
    return [books, classics, stories, single]


SHARES = (0.4, 0.2, 0.2, 0.2)


def tokenizer_for(corpora: list[list[str]], work: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in `work`, trained on `corpora` when it is not there yet."""
    folder = work / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        lines = (line for corpus in corpora for text in corpus for line in text.splitlines())
        save_tokenizer(train_wordpiece(lines, VOCABULARY, CONTEXT), folder)
    return AutoTokenizer.from_pretrained(folder)


def new_model(tokenizer: PreTrainedTokenizerFast) -> BertForPreTraining:
    """story-bert with fresh weights: 4 blocks of 4 heads, width 192, 2.4 M parameters."""
    torch.manual_seed(0)
    return BertForPreTraining(
        BertConfig(
            vocab_size=VOCABULARY,
            max_position_embeddings=CONTEXT,
            hidden_size=192,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=576,
            hidden_dropout_prob=0.05,
            attention_probs_dropout_prob=0.0,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def held_out(data: Path) -> list[str]:
    """The documents that no model of ours was trained on."""
    return documents(read_text(data / "tinystories" / "valid.txt")) + documents(
        read_text(data / "childrens-books" / "valid.txt")
    )


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    corpora = read_corpora(options.data)
    tokenizer = tokenizer_for(corpora, options.work)
    special = tokenizer.cls_token_id, tokenizer.sep_token_id
    streams = [encode_documents(tokenizer, corpus) for corpus in corpora]
    print(f"tokens: {', '.join(f'{len(stream.ids):,}' for stream in streams)}", flush=True)
    sampler = PairSampler(streams, SHARES, *special)
    apart = PairSampler([encode_documents(tokenizer, held_out(options.data))], (1.0,), *special)
    mask = tokenizer.mask_token_id
    model = new_model(tokenizer).to(options.device)
    print(f"{model.num_parameters():,} parameters", flush=True)

    def report() -> str:
        words, pairs = held_out_figures(model, apart, mask)
        return f"held out: {100 * words:.1f} % of masked tokens, {100 * pairs:.1f} % of next sentences"

    recipe = Recipe(options.steps)
    train(model, pretraining_loss(model, sampler, mask, TOKENS), recipe, options.work / "checkpoint.pt", report)
    model.float().cpu().eval().save_pretrained(options.out)
    save_tokenizer(tokenizer, options.out)
    print(f"wrote {options.out}", flush=True)


if __name__ == "__main__":
    main()

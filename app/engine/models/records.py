"""What a loaded model is, in records that need no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Adapter:
    """A small set of weights that changes another model, its base."""

    folder: str
    base: str
    """What opens the base: a bundled name, a folder or a hub id."""
    type: str
    """ "LoRA", "IA³" or what else the method is called."""
    rank: int | float | None
    alpha: int | float | None
    targets: tuple[str, ...]
    """Names, or ends of names, of the modules that it changes, or one pattern for them."""
    parameters: int
    """Numbers that its file holds."""
    tokens: int = 0
    """How many tokens it knows where its base knows another number of them, else 0."""
    always_on: str = ""
    """Why it cannot be switched off, to be read after "because"; '' when it can."""

    @property
    def words(self) -> str:
        """ "LoRA adapter of story-gpt, rank 8"."""
        base = self.base.replace("\\", "/").rstrip("/").rpartition("/")[2] or self.base
        return f"{self.type} adapter of {base}" + (f", rank {self.rank}" if self.rank is not None else "")


@dataclass(frozen=True)
class ModelSummary:
    """The sizes and facts of one loaded model that the window shows."""

    ref: str
    name: str
    family: str
    """The config's `model_type`, for instance "gpt2"."""
    architecture: str
    """The class transformers built, for instance "GPT2LMHeadModel"."""
    kind: str
    """"decoder", "encoder" or "encoder-decoder"."""
    parameters: int
    block_parameters: tuple[int, ...]
    """Parameters of each block, `[layer]`."""
    precision: str
    """"fp32", "fp16" or "bf16"."""
    device: str
    context: int | None
    """The most tokens the model's positions allow, None when the config names no limit."""
    vocabulary: int
    layers: int
    heads: int
    kv_heads: int
    width: int
    head_dim: int
    mlp_width: int | None
    position: str
    """"learned table", "rotary" or what else the family uses, in words."""
    encoder_layers: int = 0
    """Blocks of the encoder where there is a decoder too, else 0."""
    encoder_heads: int = 0
    answer: str = "next token"
    """What the head gives: "next token", "masked token", "class", "" for a model without a head."""
    labels: tuple[str, ...] = ()
    """Names of the classes of a classification head."""
    next_sentence: bool = False
    """It has a head that says whether the second sentence follows the first."""
    mask_token: str = ""
    """How the token is written that stands for a missing one, '' when the tokenizer has none."""
    takes_pair: bool = False
    """It reads one text or two, one after the other."""

    norm: str = "Layer norm"
    """What kind of norm its blocks have: "Layer norm" or "RMS norm"."""
    adapter_of: str = ""
    """What opens the base where this is an adapter on one, else ''."""
    adapter: Adapter | None = None

    def attention_shape(self, kind: str = "self") -> tuple[int, int]:
        """Layers and heads of the attention of a kind: "self", "encoder" or "cross"."""
        return (self.encoder_layers, self.encoder_heads) if kind == "encoder" else (self.layers, self.heads)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of attention it has, in the order of the computation."""
        return ("encoder", "self", "cross") if self.kind == "encoder-decoder" else ("self",)


@dataclass(frozen=True)
class LoadProgress:
    """What loading does next, and the share done so far, 0 to 1."""

    doing: str
    fraction: float


@dataclass(frozen=True)
class ModelEntry:
    """A model that lies on this machine, as far as its files tell without loading it."""

    ref: str
    """What opens it: a bundled name, a folder, or a hub id that is in the cache."""
    name: str
    source: str
    """ "bundled", "folder" or "cache"."""
    family: str
    kind: str
    """ "decoder", "encoder", "encoder-decoder", or '' when the folder does not say."""
    size: int
    """Bytes on disk."""
    problem: str = ""
    """Why it cannot be opened, as a sentence; '' when it looks whole."""
    shows: str = ""
    """What a bundled model is good for, in a few words."""
    adapter: Adapter | None = None
    """What the folder holds where it is an adapter; kind and family are then its base's."""


@dataclass(frozen=True)
class HubEntry:
    """A model that a search on the hub found."""

    ref: str
    kind: str
    """From the hub's own task tag; '' when it has none that we know."""
    downloads: int
    """In the last 30 days, as the hub counts them."""
    parameters: int | None
    """As stored, None when the hub does not tell."""
    gated: bool


@dataclass(frozen=True)
class DownloadProgress:
    """Bytes of a download that have come, and those that must."""

    done: int
    total: int


@dataclass(frozen=True)
class DeviceInfo:
    """A place where a model can run."""

    ref: str
    """ "cpu", "cuda:0", "mps"."""
    name: str
    total: int
    """Bytes of memory."""
    free: int


@dataclass(frozen=True)
class Devices:
    """Every place where a model can run, and what keeps one from being used."""

    found: tuple[DeviceInfo, ...]
    chosen: str
    """What "auto" means here."""
    note: str = ""
    """A GPU that torch cannot use, and the way out; '' when there is none."""


@dataclass(frozen=True)
class Estimate:
    """The memory that opening a model takes, beside what is there. All in bytes."""

    name: str
    parameters: int
    device: str
    precision: str
    parts: tuple[tuple[str, int], ...]
    """Named parts in the order of the memory bar: weights, KV cache, captured tensors, working memory."""
    tokens: int
    """The length of text that the parts other than weights are counted for."""
    free: int
    returned: int
    """What closing the models that are open on the device gives back."""
    stored: str
    """The precision the weights are stored in, for instance "bf16"."""

    @property
    def total(self) -> int:
        """All parts."""
        return sum(size for _, size in self.parts)

    @property
    def verdict(self) -> str:
        """ "fits", "tight" (over 80 % of what is free) or "too big"."""
        if self.total <= 0.8 * self.free:
            return "fits"
        return "tight" if self.total <= self.free else "too big"

    @property
    def fits_after_closing(self) -> bool:
        """Whether it is too big now and would not be once the open models are closed."""
        return self.verdict == "too big" and self.total <= self.free + self.returned


@dataclass(frozen=True)
class ModuleRow:
    """A module of the model's tree."""

    path: str
    """Its qualified name, '' for the whole model."""
    type: str
    """Its class."""
    role: str
    """What the part is, in the field's words: "token embedding"; '' where its name says enough."""
    tensors: tuple[tuple[str, tuple[int, ...], str], ...]
    """Its own parameters and buffers: name, shape, dtype."""
    parameters: int
    """Of it and everything below, each shared tensor counted where it stands first."""
    shares: str = ""
    """The parameter that stands elsewhere and is used here too: "transformer.wte.weight"."""


@dataclass(frozen=True)
class TokenizerFacts:
    """What a tokenizer is made of."""

    type: str
    """ "BPE", "WordPiece", "Unigram" or the tokenizer's class."""
    size: int
    """Entries, special ones included."""
    special: tuple[tuple[str, str, int], ...]
    """Role, text and id: ("end of text", "<|endoftext|>", 0)."""
    chat_template: str
    """The Jinja template, '' when there is none."""


@dataclass(frozen=True)
class VocabularyEntry:
    """One entry of a vocabulary: its id, the text it stands for, and as the tokenizer writes it."""

    id: int
    text: str
    written: str

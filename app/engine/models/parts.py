"""What a model's anatomy is made of: qualified module names of its parts by role."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class BlockParts:
    """Qualified module names of one block's parts; '' where the block has no such part."""

    block: str
    attention: str
    """The module that calls the attention function: its name is how the tap knows the block."""
    attention_out: str
    """The module whose output is projected back to the stream's width; often the attention itself."""
    first_norm: str
    """The norm before attention; where norms stand after the addition, the one after attention's."""
    second_norm: str
    """The norm before the feed-forward; where norms stand after the addition, the one after its own."""
    attention_norm_after: str
    """A norm on the attention's output before it joins the residual stream (Gemma 2 and 3, OLMo 2)."""
    mlp_norm_after: str
    mlp: str
    """The whole feed-forward; '' where its layers stand in the block itself (OPT, BERT)."""
    mlp_last: str
    """The projection back to the residual width: its input is the hidden layer after the activation."""
    parallel: bool
    """Attention and feed-forward read the same residual stream and are added together (Phi, GPT-NeoX)."""
    norm_first: bool
    """False where norms stand after the addition (BERT, BART, OPT-350m)."""
    cross: str = ""
    """Attention to the encoder, in a decoder that has one."""
    cross_norm: str = ""
    """The norm before cross-attention, or after its addition."""
    router: str = ""
    """What chooses the experts of a mixture."""
    several: str = ""
    """The list of its feed-forwards, where there are several one after the other (MobileBERT)."""
    call: int = 0
    """Which call of these modules in a run, where several blocks share them (ALBERT)."""


@dataclass(frozen=True)
class Stack:
    """One column of blocks with what stands before and after it."""

    prefix: str
    """ "" for a model with one stack, "encoder." or "decoder." for one with two."""
    embed: str
    embed_call: int
    """1 for a decoder that shares its embedding module with the encoder."""
    position: str
    """The module that adds positions to the embedding, '' where they enter elsewhere."""
    position_kind: str
    """ "learned table", "sinusoid", "rotary", "ALiBi", "relative bias", "relative sinusoid" or "none"."""
    types: str
    """The table of the segments A and B (BERT)."""
    rotary: str
    """What gives the cosines and sines by which queries and keys are turned (Llama)."""
    bias: str
    """What gives the bias that is added to the scores by distance (T5)."""
    embed_norm: str
    """A norm on the sum of the embeddings (BERT, BART, BLOOM)."""
    blocks: tuple[BlockParts, ...]
    final_norm: str


@dataclass(frozen=True)
class Site:
    """One attention of a model: where it stands and how it is called."""

    kind: str
    """ "self", "encoder" or "cross"."""
    layer: int
    prefix: str
    """What its tensors' names begin with: "blocks.3.attn.", "decoder.blocks.3.cross."."""
    path: str
    call: int


@dataclass(frozen=True)
class Anatomy:
    """The parts of a model: one stack, or an encoder and a decoder."""

    stacks: tuple[Stack, ...]
    unembed: str
    """The head's last projection, '' where there is none."""

    @property
    def main(self) -> Stack:
        """The stack that answers: the decoder where there are two."""
        return self.stacks[-1]

    @property
    def blocks(self) -> tuple[BlockParts, ...]:
        """Blocks of the main stack."""
        return self.main.blocks

    @property
    def embed(self) -> str:
        """The main stack's token embedding."""
        return self.main.embed

    @property
    def position(self) -> str:
        """The main stack's position table."""
        return self.main.position

    @property
    def position_kind(self) -> str:
        """How positions enter the main stack."""
        return self.main.position_kind

    @property
    def final_norm(self) -> str:
        """The main stack's final norm."""
        return self.main.final_norm

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of attention there are, in the order of the computation."""
        return ("encoder", "self", "cross") if len(self.stacks) > 1 else ("self",)

    def stack_of(self, kind: str) -> Stack:
        """The stack in which attention of `kind` stands."""
        return self.stacks[0] if kind == "encoder" else self.main

    @cached_property
    def sites(self) -> dict[tuple[str, int], Site]:
        """Every attention by kind and layer, in the order of the computation."""
        found: dict[tuple[str, int], Site] = {}
        for place, stack in enumerate(self.stacks):
            own = "encoder" if place == 0 and len(self.stacks) > 1 else "self"
            for layer, parts in enumerate(stack.blocks):
                block = f"{stack.prefix}blocks.{layer}."
                if parts.attention:
                    found[own, layer] = Site(own, layer, f"{block}attn.", parts.attention, parts.call)
                if parts.cross:
                    found["cross", layer] = Site("cross", layer, f"{block}cross.", parts.cross, parts.call)
        return found

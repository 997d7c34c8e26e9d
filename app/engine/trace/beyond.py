"""Beyond the raw weight: what a weight moves, where it leads through the layers, and who wrote an answer.

- Norm-weighted attention ‖α·v·W_O‖: Kobayashi et al. 2020 ("Attention is Not Only a Weight", EMNLP).
- Attention rollout: Abnar and Zuidema 2020 ("Quantifying Attention Flow in Transformers", ACL).
- Direct logit attribution: Elhage et al. 2021 ("A Mathematical Framework for Transformer Circuits"), with the final
  norm frozen at the scale it has on this text.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from app.engine.errors import UserError
from app.engine.models.adapters import beneath
from app.engine.models.parts import Site
from app.engine.trace.records import Attribution
from app.engine.trace.result import Trace

_CLOSE = 2e-3
"""Largest difference, relative to what is explained, at which parts still count as adding up to the whole."""


def norm_weighted(trace: Trace, layer: int, kind: str = "self") -> torch.Tensor:
    """‖α·v·W_O‖, float32 `[head, query, key]`: how long the vector is that a key's value adds through a head.

    Raises UserError where the family does not show its values or its output projection.
    """
    site = _site(trace, layer, kind)
    pattern = trace.attention(layer, kind=kind)
    v = _per_head(trace[f"{site.prefix}v"], len(pattern))
    projection = _output_projection(trace, site, pattern.shape[0], v.shape[-1])
    lengths = torch.einsum("hkd,hdw->hkw", v, projection).norm(dim=-1)
    return pattern * lengths[:, None, :]


def rollout(trace: Trace, layer: int, kind: str = "self") -> torch.Tensor:
    """How much of each token reaches each token through blocks 0 to `layer`, float32 `[query, key]`; rows sum to 1.

    Heads are averaged, and half of every block's mixture is the token itself, for the residual stream.
    """
    if kind == "cross":
        raise UserError("Rollout follows one stream through its blocks; between two texts there is none.")
    whole: torch.Tensor | None = None
    for block in range(layer + 1):
        if not trace.has_attention(block, kind):
            continue
        mixed = trace.attention(block, kind=kind).mean(0)
        mixed = 0.5 * mixed + 0.5 * torch.eye(len(mixed))
        mixed = mixed / mixed.sum(-1, keepdim=True)
        whole = mixed if whole is None else mixed @ whole
    assert whole is not None, "a block with attention was asked for"
    return whole


def attribute_logit(trace: Trace, position: int, token_id: int | None = None) -> Attribution:
    """What every head, feed-forward and the embedding added to one logit at `position` (the likeliest one for None).

    Raises UserError where the parts do not add up to the logit: with norms after the additions, factors on what is
    added, or more than a norm and a projection after the last block.
    """
    loaded = trace.loaded
    stack, name = loaded.anatomy.main, loaded.summary.name
    if trace.info("logits").axes != ("token", "vocabulary"):
        raise UserError(f"{name} has no head that says a token at every position.")
    if not stack.final_norm or not all(parts.norm_first for parts in stack.blocks):
        raise UserError(
            f"{name} norms its stream after each addition, so nothing that is added reaches the logit as it is."
        )
    if cap := getattr(loaded.model.config.get_text_config(), "final_logit_softcapping", None):
        raise UserError(
            f"{name} caps its logits: each is {cap:g} · tanh(x ⁄ {cap:g}) of what its parts add up to, so no share "
            "of a logit is any part's own."
        )
    row = trace.logits[position].float()
    token = int(row.argmax()) if token_id is None else token_id
    last = trace[f"{stack.prefix}blocks.{len(stack.blocks) - 1}.resid_post"][position].double()
    with trace.weights():
        direction, constant = _frozen_readout(trace, last, row, token)
    embedding = float(trace[f"{stack.prefix}blocks.0.resid_pre"][position].double() @ direction)
    parts = {kind: _Written(len(stack.blocks), loaded.summary.heads) for kind in ("self", "cross")}
    mlps = torch.full((len(stack.blocks),), float("nan"), dtype=torch.float64)
    rest = constant
    for layer, block in enumerate(stack.blocks):
        prefix = f"{stack.prefix}blocks.{layer}."
        for kind, written in parts.items():
            if trace.has_attention(layer, kind):
                rest += _attribute_attention(trace, layer, kind, position, direction, written)
        fed = trace[f"{prefix}ln2_post" if block.mlp_norm_after else f"{prefix}mlp.out"][position].double()
        mlps[layer] = fed @ direction
    total = embedding + sum(written.total for written in parts.values()) + float(mlps.nansum()) + rest
    logit = float(row[token])
    if abs(total - logit) > _CLOSE * max(1.0, abs(logit)):
        raise UserError(f"The parts of {name} do not add up to its logit: it does more to its stream than to add.")
    text = loaded.tokenizer.decode([token])
    own, crossing = parts["self"], parts["cross"]
    return Attribution(
        position,
        token,
        text,
        logit,
        embedding,
        own.heads.float().numpy(),
        mlps.float().numpy(),
        rest,
        own.wholes.float().numpy(),
        crossing.heads.float().numpy(),
        crossing.wholes.float().numpy(),
    )


class _Written:
    """What attention of one kind added to a logit: by head, or by block where heads are not seen apart."""

    def __init__(self, layers: int, heads: int) -> None:
        self.heads = torch.full((layers, heads), float("nan"), dtype=torch.float64)
        self.wholes = torch.full((layers,), float("nan"), dtype=torch.float64)

    @property
    def total(self) -> float:
        """All of it."""
        return float(self.heads.nansum() + self.wholes.nansum())


def _attribute_attention(
    trace: Trace, layer: int, kind: str, position: int, direction: torch.Tensor, written: _Written
) -> float:
    """Fill in what one attention added. Returns what its output projection's bias added."""
    site, block = _site(trace, layer, kind), trace.loaded.anatomy.main.blocks[layer]
    normed = kind == "self" and bool(block.attention_norm_after)
    out = f"{site.prefix.removesuffix('attn.')}ln1_post" if normed else f"{site.prefix}out"
    whole = trace[out][position].double()
    try:
        if normed:
            # A norm of the joined heads stands between them and the stream.
            raise UserError("Heads are normed together.")
        z = trace[f"{site.prefix}z"][:, position].double()
        projection = _output_projection(trace, site, len(z), z.shape[-1]).double()
    except UserError:
        written.wholes[layer] = whole @ direction
        return 0.0
    by_head = torch.einsum("hd,hdw->hw", z, projection)
    written.heads[layer] = by_head @ direction
    return float((whole - by_head.sum(0)) @ direction)


def _site(trace: Trace, layer: int, kind: str) -> Site:
    return trace.loaded.anatomy.sites[kind, layer]


def _per_head(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Keys or values `[head, token, head_dim]`, each shared one repeated for the heads that read it."""
    return tensor.float().repeat_interleave(heads // tensor.shape[0], dim=0)


def _output_projection(trace: Trace, site: Site, heads: int, width: int) -> torch.Tensor:
    """W_O by head, float32 `[head, head_dim, width]` on the CPU, found by what it does: z through it is the output.

    Raises UserError when no projection does that.
    """
    model = trace.loaded.model
    parts = trace.loaded.anatomy.stack_of(site.kind).blocks[site.layer]
    out_path = parts.cross if site.kind == "cross" else parts.attention_out
    z, out = trace[f"{site.prefix}z"].float(), trace[f"{site.prefix}out"].float()
    joined = z.transpose(0, 1).flatten(1)
    for root in dict.fromkeys((out_path, site.path)):
        candidates = list(model.get_submodule(root).modules())
        # What an adapter stands around is no projection of its own.
        covered = {beneath(module) for module in candidates if beneath(module) is not module}
        for module in reversed([module for module in candidates if module not in covered]):
            with trace.weights():
                weight, bias = _matrix(module, heads * width)
            if weight is None or weight.shape[0] != heads * width or weight.shape[1] != out.shape[-1]:
                continue
            made = joined @ weight + bias
            if float((made - out).abs().max()) <= _CLOSE * max(1.0, float(out.abs().max())):
                return weight.unflatten(0, (heads, width))
    raise UserError(f"{trace.loaded.summary.name} does not show the projection of its attention's output apart.")


def _matrix(module: Any, rows: int) -> tuple[torch.Tensor | None, torch.Tensor | float]:
    """A projection's matrix `[in, out]` and its bias, float32 on the CPU; transformers' Conv1D stores it so, a Linear
    turned. That of an adapter's layer with `rows` inputs is what it makes of the unit vectors."""
    weight: Any = getattr(module, "weight", None)
    if not isinstance(weight, torch.Tensor) or weight.ndim != 2:
        return None, 0.0
    if module is not beneath(module):
        if getattr(module, "in_features", 0) != rows:
            return None, 0.0
        with torch.no_grad():
            units = torch.eye(rows, dtype=weight.dtype, device=weight.device)
            alone = module(torch.zeros_like(units[:1]))
            return (module(units) - alone).float().cpu(), alone[0].float().cpu()
    bias = 0.0 if getattr(module, "bias", None) is None else module.bias.detach().float().cpu()
    if type(module).__name__ == "Conv1D":
        return weight.detach().float().cpu(), bias
    return (weight.detach().float().cpu().T if isinstance(module, nn.Linear) else None), bias


def _frozen_readout(trace: Trace, stream: torch.Tensor, row: torch.Tensor, token: int) -> tuple[torch.Tensor, float]:
    """The direction `[width]` whose product with anything in the stream is what it adds to the logit, and what is
    added whatever the stream holds. The norm keeps the scale that it has for `stream`.

    Some families multiply all their logits by a number (T5, Cohere, Granite); it is read off the logits `row`.
    """
    model = trace.loaded.model
    norm = model.get_submodule(trace.loaded.anatomy.main.final_norm)
    head = model.get_output_embeddings()
    some = row.topk(min(50, len(row))).indices.tolist()
    rows = head.weight[[token, *some]].detach().double().cpu()
    biases = torch.zeros(len(rows), dtype=torch.float64)
    if getattr(head, "bias", None) is not None:
        biases = head.bias[[token, *some]].detach().double().cpu()
    weight = getattr(norm, "weight", None)
    gain = weight.detach().double().cpu() if weight is not None else torch.ones_like(stream)
    bias = getattr(norm, "bias", None)
    shift = bias.detach().double().cpu() if bias is not None else torch.zeros_like(stream)
    epsilon = next((getattr(norm, name) for name in ("eps", "variance_epsilon") if hasattr(norm, name)), 1e-6)
    if trace.loaded.summary.norm == "RMS norm":
        # Gemma stores what its gain differs from 1.
        gain = 1.0 + gain if type(norm).__name__.startswith("Gemma") else gain
        directions = rows * gain / torch.sqrt(stream.square().mean() + epsilon)
    else:
        directions = rows * gain / torch.sqrt(stream.var(unbiased=False) + epsilon)
        directions = directions - directions.mean(-1, keepdim=True)
    constants = rows @ shift + biases
    predicted = directions @ stream + constants
    factor = float((predicted @ row[[token, *some]].double()) / predicted.square().sum())
    factor = 1.0 if abs(factor - 1.0) < _CLOSE else factor
    return directions[0] * factor, float(constants[0]) * factor

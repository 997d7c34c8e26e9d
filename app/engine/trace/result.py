"""The trace of one run: every tensor by name, every attention pattern, computed or fetched when asked for."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import torch

from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.engine.models.memory import free_bytes, memory_errors, require_memory
from app.engine.trace.capture import Capture, run
from app.engine.trace.edits import Edit
from app.engine.trace.pattern import attention_weights, scores_and_weights, visible
from app.engine.trace.points import Point, block_points, model_points, module_point
from app.engine.trace.records import TensorInfo, Token
from app.engine.trace.tap import AttentionCall

_SHORTER = "Use a shorter text, or ask for one head at a time."
_AXES = {
    "attn.q": ("head", "token", "head_dim"),
    "attn.k": ("head", "token", "head_dim"),
    "attn.v": ("head", "token", "head_dim"),
    "attn.scores": ("head", "query", "key"),
    "attn.pattern": ("head", "query", "key"),
    "attn.z": ("head", "token", "head_dim"),
}


class Trace:
    """A function of (model, input, edits): it keeps what the first run captured within `budget` bytes and runs the
    model again for the rest.

    `trace["blocks.2.attn.q"]` is a torch tensor on the CPU in the model's own dtype, batch dropped; the names are
    those of `names()`, and every module path of the model (`transformer.h.2.ln_1`). A name the model lacks raises
    UserError with the reason.
    """

    target_tokens: tuple[Token, ...] = ()

    def __init__(
        self,
        loaded: LoadedModel,
        tokens: Sequence[Token],
        inputs: dict[str, torch.Tensor],
        edits: Sequence[Edit],
        budget: int,
    ) -> None:
        self.tokens = tuple(tokens)
        self.edits = tuple(edits)
        self._loaded, self._inputs, self._budget = loaded, inputs, budget
        self._points, self._absent = _points_of(loaded)
        self._late: Capture | None = None
        with memory_errors("this trace", _SHORTER):
            self._first = self._run(tuple(self._points.values()), None)
        if len(self._first.attention_shapes) == 0:
            raise UserError(
                f"{loaded.summary.name} ran, but no attention was seen in it.",
                "Open a model whose blocks have attention.",
            )

    def _run(self, points: Sequence[Point], blocks: frozenset[int] | None, budget: int | None = None) -> Capture:
        loaded = self._loaded
        if loaded.model is None:
            raise UserError("The model of this trace was closed.", "Open it again and run the text once more.")
        budget = self._budget if budget is None else budget
        return run(
            loaded.model, loaded.anatomy, self._inputs, self.edits, points, budget, blocks, copy=budget > self._budget
        )

    @property
    def loaded(self) -> LoadedModel:
        """The model this is a trace of."""
        return self._loaded

    @property
    def logits(self) -> torch.Tensor:
        """The model's raw output, `[token, vocabulary]`: row i is what follows token i."""
        return self["logits"]

    def names(self) -> tuple[str, ...]:
        """The names that this run has, in the order of the computation."""
        names: list[str] = [name for name in ("embed", "pos_embed") if name in self._points]
        for index in range(len(self._loaded.anatomy.blocks)):
            prefix = f"blocks.{index}."
            attention = index in self._first.attention_shapes
            for part in _ORDER:
                name = prefix + part
                if name in self._points or (attention and part in _AXES):
                    names.append(name)
        return (*names, *(["ln_final"] if "ln_final" in self._points else []), "logits")

    def infos(self) -> dict[str, TensorInfo]:
        """`info` of every name, the absent ones with their reasons after those that are there."""
        return {name: self.info(name) for name in (*self.names(), *self._absent)}

    def info(self, name: str) -> TensorInfo:
        """Shape and axes of a name without computing it, or the reason why it is absent."""
        if name in self._absent:
            return TensorInfo(name, None, absent=self._absent[name])
        if name == "logits":
            assert self._first.logits is not None
            return TensorInfo(name, tuple(self._first.logits.shape[1:]), ("token", "vocabulary"))
        if name in self._first.shapes:
            point, shape = self._points[name], self._first.shapes[name]
            if point.axes == ("head", "token", "head_dim"):
                return TensorInfo(name, shape[1:], point.axes)
            return TensorInfo(name, (len(self.tokens), shape[-1]), point.axes)
        block, part = self._split(name)
        if block is None or part not in _AXES:
            raise UserError(f"This run has no tensor called “{name}”.", "names() lists those it has.")
        heads, kv_heads, queries, keys, width = self._attention_shape(block)
        shapes = {
            "attn.k": (kv_heads, keys, width),
            "attn.v": (kv_heads, keys, width),
            "attn.scores": (heads, queries, keys),
            "attn.pattern": (heads, queries, keys),
        }
        return TensorInfo(name, shapes.get(part, (heads, queries, width)), _AXES[part])

    def __getitem__(self, name: str) -> torch.Tensor:
        if name in self._absent:
            raise UserError(f"This model has no “{name}”: {self._absent[name]}")
        if name == "logits":
            assert self._first.logits is not None
            return self._first.logits[0].cpu().clone()
        block, part = self._split(name)
        if block is not None and part in _AXES:
            return self._attention_tensor(block, part)
        point = self._points.get(name) or self._module(name)
        tensor = self._held(point).cpu()
        if point.axes == ("head", "token", "head_dim"):
            return tensor[0].clone()
        return tensor.reshape(-1, tensor.shape[-1]).clone() if name in self._points else tensor.clone()

    def attention(self, layer: int, head: int | None = None, kind: str = "self") -> torch.Tensor:
        """Attention weights after softmax: float32 `[head, query, key]`, `[query, key]` with a head; masked cells 0.

        Raises UserError for a block without attention, a head out of range, or a kind this model lacks.
        """
        self._check_head(layer, head, kind)
        call, _ = self._call(layer)
        with memory_errors(f"the attention of block {layer}", _SHORTER):
            return attention_weights(call, head)

    def scores(self, layer: int, head: int | None = None, kind: str = "self") -> torch.Tensor:
        """Scores before softmax, scaled, with bias, soft-cap and mask: float32, shapes as `attention`; masked −inf."""
        return self._scores_and_weights(layer, head, kind)[0]

    def scores_and_pattern(self, layer: int, head: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Both at once, for the price of one; shapes as `attention`."""
        return self._scores_and_weights(layer, head, "self")

    def score_arguments(self, layer: int) -> dict[str, float]:
        """The plain numbers that the model handed to its attention function: "scaling", "softcap"."""
        arguments = self._call(layer)[0].arguments
        return {name: float(value) for name in ("scaling", "softcap") if (value := arguments.get(name)) is not None}

    def visible(self, layer: int) -> torch.Tensor:
        """bool `[query, key]`: True where at least one head of the layer is allowed to look."""
        self._attention_shape(layer)
        return visible(self._call(layer)[0])[0].any(0).cpu()

    def has_attention(self, layer: int) -> bool:
        """Whether block `layer` has attention that the tap saw."""
        return layer in self._first.attention_shapes

    def _scores_and_weights(self, layer: int, head: int | None, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
        self._check_head(layer, head, kind)
        call, _ = self._call(layer)
        with memory_errors(f"the attention of block {layer}", _SHORTER):
            return scores_and_weights(call, head)

    def _check_head(self, layer: int, head: int | None, kind: str) -> None:
        """Raise UserError for what this run does not have, and for what would not fit into memory."""
        if kind != "self":
            raise UserError(f"{self._loaded.summary.name} is decoder-only: it has no “{kind}” attention.")
        heads, _, queries, keys, _ = self._attention_shape(layer)
        if head is not None and not 0 <= head < heads:
            raise UserError(f"Block {layer} has heads 0 to {heads - 1}; there is no head {head}.")
        # Scores, their masked copy, the softmax and its copy stand beside each other for a moment.
        needed = 5 * (heads if head is None else 1) * queries * keys * 4
        require_memory(needed, "cpu", f"the attention of block {layer}", _SHORTER)

    def _attention_tensor(self, block: int, part: str) -> torch.Tensor:
        if part in ("attn.scores", "attn.pattern"):
            return self.attention(block) if part == "attn.pattern" else self.scores(block)
        call, output = self._call(block)
        if part == "attn.z":
            return output[0].transpose(0, 1).cpu().clone()
        return {"attn.q": call.query, "attn.k": call.key, "attn.v": call.value}[part][0].cpu().clone()

    def _attention_shape(self, layer: int) -> tuple[int, int, int, int, int]:
        if not 0 <= layer < len(self._loaded.anatomy.blocks):
            last = len(self._loaded.anatomy.blocks) - 1
            raise UserError(f"This model has blocks 0 to {last}; there is no block {layer}.")
        if layer not in self._first.attention_shapes:
            raise UserError(f"Block {layer} of {self._loaded.summary.name} has no attention.")
        return self._first.attention_shapes[layer]

    def _call(self, layer: int) -> tuple[AttentionCall, torch.Tensor]:
        self._attention_shape(layer)
        for capture in (self._first, self._late):
            if capture is not None and layer in capture.calls:
                return capture.calls[layer], capture.outputs[layer]
        self._late = self._run((), frozenset({layer}), budget=2**62)
        return self._late.calls[layer], self._late.outputs[layer]

    def _held(self, point: Point) -> torch.Tensor:
        for capture in (self._first, self._late):
            held = capture.tensors.get(point.name) if capture is not None else None
            if held is not None and held.intact:
                return held.tensor
        self._late = self._run((point,), frozenset(), budget=2**62)
        if point.name not in self._late.tensors:
            raise UserError(f"The module “{point.name}” did not run for this text, so it has no output.")
        return self._late.tensors[point.name].tensor

    def _module(self, path: str) -> Point:
        try:
            self._loaded.model.get_submodule(path)
        except AttributeError:
            raise UserError(
                f"This run has no tensor called “{path}”, and the model no such module.", "names() lists those it has."
            ) from None
        return module_point(path)

    def _split(self, name: str) -> tuple[int | None, str]:
        """Block and part of "blocks.3.attn.q"; (None, name) for other names."""
        pieces = name.split(".", 2)
        if len(pieces) == 3 and pieces[0] == "blocks" and pieces[1].isdigit():
            return int(pieces[1]), pieces[2]
        return None, name


_ORDER = (
    "resid_pre",
    "ln1",
    "attn.q_pre",
    "attn.k_pre",
    "attn.q",
    "attn.k",
    "attn.v",
    "attn.scores",
    "attn.pattern",
    "attn.z",
    "attn.out",
    "ln1_post",
    "resid_mid",
    "ln2",
    "mlp.hidden",
    "mlp.out",
    "ln2_post",
    "resid_post",
)


def default_budget(device: str) -> int:
    """Bytes a trace may hold: a quarter of what is free where the model lies, at most 2 GiB."""
    return min(2 << 30, free_bytes(device) // 4)


_known_points: weakref.WeakKeyDictionary[LoadedModel, tuple[dict[str, Point], dict[str, str]]]
_known_points = weakref.WeakKeyDictionary()


def _points_of(loaded: LoadedModel) -> tuple[dict[str, Point], dict[str, str]]:
    """Where every name of this model is picked up, and the absent ones with their reasons; found once a model."""
    if loaded in _known_points:
        return _known_points[loaded]
    summary, rotary = loaded.summary, loaded.anatomy.position_kind == "rotary"
    points, absent = model_points(loaded.anatomy)
    for index, parts in enumerate(loaded.anatomy.blocks):
        more, lacking = block_points(
            loaded.model, index, parts, rotary, summary.head_dim, summary.heads, summary.kv_heads
        )
        points += more
        absent |= lacking
    _known_points[loaded] = {point.name: point for point in points}, absent
    return _known_points[loaded]

"""The trace of one run: every tensor by name, every attention pattern, computed or fetched when asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch

from app.engine.errors import UserError, WeightsGoneError
from app.engine.models.adapters import beneath
from app.engine.models.loaded import LoadedModel
from app.engine.models.memory import free_bytes, memory_errors, require_memory
from app.engine.models.parts import Stack
from app.engine.trace.capture import At, AttentionShape, Capture, run
from app.engine.trace.edits import Edit
from app.engine.trace.names import ATTENTION_AXES, all_names, canonical, site_of
from app.engine.trace.pattern import attention_weights, scores_and_weights, visible
from app.engine.trace.places import places_of, silent
from app.engine.trace.points import Point, module_point
from app.engine.trace.positions import Table
from app.engine.trace.records import TensorInfo, Token
from app.engine.trace.softmax_tap import SoftmaxCall
from app.engine.trace.tap import AttentionCall

_SHORTER = "Use a shorter text, or close what else needs memory, another model first."
_KIND_WORDS = {"self": "self-attention", "encoder": "encoder attention", "cross": "cross-attention"}
STREAM_NORMS = "resid_norms"
"""L2 norms of the residual stream, `[block, token]`: row 0 before the first block, row i after block i − 1."""
WHOLE = ("logits", "next_sentence")
"""Names of what the heads answer."""


class Trace:
    """A function of (model, input, edits): it keeps what the first run captured within `budget` bytes and runs the
    model again for the rest.

    `trace["blocks.2.attn.q"]` is a torch tensor on the CPU in the model's own dtype, batch dropped; the names are
    those of `names()`, every module path of the model (`transformer.h.2.ln_1`) for what the module gave, the same with
    `.input` for what it was handed, and every parameter (`transformer.wte.weight`). A name the model lacks raises
    UserError with the reason.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        tokens: Sequence[Token],
        inputs: dict[str, torch.Tensor],
        edits: Sequence[Edit],
        budget: int,
        target_tokens: Sequence[Token] = (),
    ) -> None:
        self.tokens = tuple(tokens)
        self.target_tokens = tuple(target_tokens)
        self.edits = tuple(edits)
        self._loaded, self._inputs, self._budget = loaded, inputs, budget
        self.adapter_active = loaded.adapter_active
        """Whether the model's adapter was on: what is computed later is computed so, too."""
        self._places = places_of(loaded, inputs)
        self._points, self._tables = self._places.points, self._places.tables
        self.weights_version, self.training_step = loaded.weights_version, loaded.training_step
        """Which weights the model had, and after how many steps of a training under way; None where there was none."""
        self._late: Capture | None = None
        self._first = self._run(tuple(self._points.values()), None)
        self._absent = self._places.absent | silent(self._places, self._first.shapes) | _without_heads(self._first)
        if len(self._first.attention_shapes) == 0:
            raise UserError(
                f"{loaded.summary.name} ({loaded.family}) ran, but no attention was seen in it: its blocks mix tokens "
                "in another way, or by an attention that Unembed cannot see.",
                "Open a model whose blocks have attention, for instance of the GPT-2, Llama, BERT or BART family.",
            )

    def _run(self, points: Sequence[Point], wanted: frozenset[At] | None, budget: int | None = None) -> Capture:
        loaded = self._loaded
        budget = self._budget if budget is None else budget
        with memory_errors("running this text", _SHORTER), self.weights():
            return run(
                loaded.model,
                loaded.anatomy,
                self._inputs,
                self.edits,
                points,
                budget,
                wanted,
                copy=budget > self._budget,
            )

    @contextmanager
    def weights(self) -> Iterator[None]:
        """The model as it was when it ran, for what is computed later. Raises WeightsGoneError once it was trained on,
        and UserError once it was closed."""
        loaded = self._loaded
        if loaded.model is None:
            raise UserError("The model of this trace was closed.", "Open it again and run the text once more.")
        had_one = loaded.adapter is not None
        with loaded.adapter_set(self.adapter_active) if had_one else nullcontext():
            if loaded.weights_version != self.weights_version or (self.adapter_active and not had_one):
                raise WeightsGoneError(
                    f"{loaded.summary.name} has other weights now than when it ran this text"
                    + (f", at step {self.training_step:,} of its training." if self.training_step is not None else "."),
                    "Run the text once more.",
                )
            yield

    @property
    def loaded(self) -> LoadedModel:
        """The model this is a trace of."""
        return self._loaded

    @property
    def inputs(self) -> Mapping[str, torch.Tensor]:
        """What the model was given, batch of one, by argument."""
        return self._inputs

    @property
    def logits(self) -> torch.Tensor:
        """The model's raw output, `[token, vocabulary]`: row i is what follows token i, or for a masked model what
        stands there; `[label]` of a classifier. Raises UserError for a model without a head."""
        return self["logits"]

    def row_tokens(self, name: str) -> tuple[Token, ...]:
        """The tokens that the rows of a tensor are about: the target's in a decoder that has an encoder."""
        two = len(self._loaded.anatomy.stacks) > 1
        return self.target_tokens if two and (name.startswith("decoder.") or name in WHOLE) else self.tokens

    def names(self) -> tuple[str, ...]:
        """The names that this run has, in the order of the computation."""
        found = all_names(self._loaded.anatomy, self.has)
        norms = (f"{stack.prefix}{STREAM_NORMS}" for stack in self._loaded.anatomy.stacks)
        return (*found, *norms, *(name for name in WHOLE if self._answer(name) is not None))

    def infos(self) -> dict[str, TensorInfo]:
        """`info` of every name, the absent ones with their reasons after those that are there."""
        return {name: self.info(name) for name in (*self.names(), *self._absent)}

    def info(self, name: str) -> TensorInfo:
        """Shape and axes of a name without computing it, or the reason why it is absent."""
        name = canonical(name)
        if name in self._absent:
            return TensorInfo(name, None, absent=self._absent[name])
        if (stack := self._norms_of(name)) is not None:
            return TensorInfo(name, (len(stack.blocks) + 1, len(self.row_tokens(name))), ("block", "token"))
        if (answer := self._answer(name)) is not None:
            shape = tuple(answer.shape[1:])
            last = "label" if len(shape) == 1 else "vocabulary"
            return TensorInfo(name, shape, (last,) if len(shape) == 1 else ("token", last))
        if (outside := self._outside_info(name)) is not None:
            return outside
        found = site_of(name, self._loaded.anatomy)
        if found is None or not self.has(name):
            raise UserError(f"This run has no tensor called “{name}”.", "names() lists those it has.")
        site, part = found
        at = self._first.attention_shapes[site.kind, site.layer]
        shapes = {
            "q": (at.heads, at.queries, at.width),
            "k": (at.kv_heads, at.keys, at.width),
            "v": (at.kv_heads, at.keys, at.value_width),
            "z": (at.heads, at.queries, at.value_width),
            "sinks": (at.heads,),
        }
        return TensorInfo(name, shapes.get(part, (at.heads, at.queries, at.keys)), ATTENTION_AXES[part])

    def __getitem__(self, name: str) -> torch.Tensor:
        name = canonical(name)
        if name in self._absent:
            raise UserError(f"This model has no “{name}”: {self._absent[name]}")
        if (stack := self._norms_of(name)) is not None:
            ends = [f"{stack.prefix}blocks.{index}.resid_post" for index in range(len(stack.blocks))]
            streams = [f"{stack.prefix}blocks.0.resid_pre", *ends]
            return torch.stack([self[stream].float().norm(dim=-1) for stream in streams])
        if (answer := self._answer(name)) is not None:
            return answer[0].cpu().clone()
        if (found := site_of(name, self._loaded.anatomy)) is not None:
            site, part = found
            return self._attention_tensor(site.kind, site.layer, part)
        return self._outside(name)

    def attention(self, layer: int, head: int | None = None, kind: str = "self") -> torch.Tensor:
        """Attention weights after softmax: float32 `[head, query, key]`, `[query, key]` with a head; masked cells 0.

        `kind` is "self", or in an encoder-decoder also "encoder" and "cross". Raises UserError for a block without
        attention, a head out of range, or a kind this model lacks.
        """
        self._check_head(layer, head, kind)
        call, _ = self._call(layer, kind)
        with memory_errors(f"the attention of block {layer}", _SHORTER):
            return attention_weights(call, head)

    def scores(self, layer: int, head: int | None = None, kind: str = "self") -> torch.Tensor:
        """Scores before softmax, scaled, with bias, soft-cap and mask: float32, shapes as `attention`; masked −inf."""
        return self.scores_and_pattern(layer, head, kind)[0]

    def scores_and_pattern(
        self, layer: int, head: int | None = None, kind: str = "self"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Both at once, for the price of one; shapes as `attention`."""
        self._check_head(layer, head, kind)
        call, _ = self._call(layer, kind)
        with memory_errors(f"the attention of block {layer}", _SHORTER):
            return scores_and_weights(call, head)

    def score_arguments(self, layer: int, kind: str = "self") -> dict[str, float]:
        """The plain numbers by which the family makes scores of q · k: "scaling", "softcap"; without those it lacks.

        Where the model hands them to its attention function they are those, else what was heard before its softmax.
        """
        call = self._call(layer, kind)[0]
        arguments = call.arguments if isinstance(call, AttentionCall) else {"scaling": call.scaling}
        return {name: float(value) for name in ("scaling", "softcap") if (value := arguments.get(name)) is not None}

    def visible(self, layer: int, kind: str = "self") -> torch.Tensor:
        """bool `[query, key]`: True where at least one head of the layer is allowed to look."""
        shape = self._attention_shape(layer, kind)
        return visible(self._call(layer, kind)[0])[0].any(0).expand(shape.queries, shape.keys).cpu()

    def has_attention(self, layer: int, kind: str = "self") -> bool:
        """Whether block `layer` has attention of this kind that the tap saw."""
        return (kind, layer) in self._first.attention_shapes

    def attended(self) -> tuple[At, ...]:
        """(kind, layer) of every attention of this run, in the order in which they were computed."""
        return tuple(self._first.attention_shapes)

    def point(self, name: str) -> Point | None:
        """Where a tensor outside the attentions is picked up; None for a parameter. Raises UserError without it."""
        name = canonical(name)
        if name in self._points:
            return self._points[name]
        return None if self._weight(name) is not None else self._module(name)

    def is_table(self, name: str) -> bool:
        """Whether a name is read off a weight: positions that no module gives."""
        return name in self._tables

    def has(self, name: str) -> bool:
        """Whether this run has a tensor of one of the names of the vocabulary."""
        if name in self._points or name in self._tables:
            return name in self._tables or name in self._first.shapes
        found = site_of(name, self._loaded.anatomy)
        if found is None:
            return False
        at = self._first.attention_shapes.get((found[0].kind, found[0].layer))
        if at is None:
            return False
        widths = {"q": at.width, "k": at.width, "v": at.value_width, "z": at.value_width, "sinks": int(at.sinks)}
        return widths.get(found[1], 1) > 0

    def _outside_info(self, name: str) -> TensorInfo | None:
        """`info` of a name that is picked up outside the attentions, None for others."""
        if (table := self._tables.get(name)) is not None:
            return TensorInfo(name, tuple(self._table(table).shape), table.axes)
        if name not in self._points or name not in self._first.shapes:
            return None
        point, shape = self._points[name], self._first.shapes[name]
        shown = {1: shape[-1:], 3: shape[1:]}.get(len(point.axes), (math.prod(shape[:-1]), shape[-1]))
        return TensorInfo(name, shown, point.axes, shares=self._shares(name))

    def _shares(self, name: str) -> bool:
        """Whether a tensor's values are shares; DeepSeek's weights of experts are multiplied afterwards."""
        factor = getattr(self._loaded.model.config.get_text_config(), "routed_scaling_factor", None)
        return name.endswith("mlp.router_probs") or (name.endswith("mlp.experts") and factor in (None, 1.0))

    def _outside(self, name: str) -> torch.Tensor:
        """A tensor outside the attentions: a table, what a module gave or took, or a weight."""
        if (table := self._tables.get(name)) is not None:
            return self._table(table).clone()
        point = self._points.get(name)
        if point is None:
            weight = self._weight(name)
            if weight is not None:
                return weight
            point = self._module(name)
        tensor = self._held(point).cpu()
        if len(point.axes) in (1, 3):
            return tensor[0].clone()
        return tensor.reshape(-1, tensor.shape[-1]).clone() if name in self._points else tensor.clone()

    def _table(self, table: Table) -> torch.Tensor:
        """What a table gives for this text, on the CPU."""
        weight = self._weight(table.weight)
        assert weight is not None, f"{table.weight} was found when the model was opened"
        return table.read(weight[: len(self.row_tokens(table.name))] if table.by_token else weight)

    def _norms_of(self, name: str) -> Stack | None:
        """The stack whose stream norms a name asks for, None for other names."""
        return next((one for one in self._loaded.anatomy.stacks if f"{one.prefix}{STREAM_NORMS}" == name), None)

    def _answer(self, name: str) -> torch.Tensor | None:
        return {"logits": self._first.logits, "next_sentence": self._first.next_sentence}.get(name)

    def _check_head(self, layer: int, head: int | None, kind: str) -> None:
        """Raise UserError for what this run does not have, and for what would not fit into memory."""
        at = self._attention_shape(layer, kind)
        if head is not None and not 0 <= head < at.heads:
            raise UserError(f"Block {layer} has heads 0 to {at.heads - 1}; there is no head {head}.")
        # Scores, their masked copy, the softmax and its copy stand beside each other for a moment.
        needed = 5 * (at.heads if head is None else 1) * at.queries * at.keys * 4
        require_memory(needed, "cpu", f"the attention of block {layer}", _SHORTER)

    def _attention_tensor(self, kind: str, block: int, part: str) -> torch.Tensor:
        if part in ("scores", "pattern"):
            return self.attention(block, kind=kind) if part == "pattern" else self.scores(block, kind=kind)
        call, output = self._call(block, kind)
        if isinstance(call, SoftmaxCall):
            found = {"q": call.query, "k": call.key, "v": call.value, "z": call.z}.get(part)
            if found is None:
                raise UserError(f"{self._loaded.summary.name} does not show “{part}” of its attention apart.")
            return found.cpu().clone()
        if part == "z":
            assert output is not None
            return output[0].transpose(0, 1).cpu().clone()
        if part == "sinks":
            if call.sinks is None:
                raise UserError(f"The heads of {self._loaded.summary.name} have no sinks in block {block}.")
            return call.sinks.detach().cpu().clone()
        return {"q": call.query, "k": call.key, "v": call.value}[part][0].cpu().clone()

    def _attention_shape(self, layer: int, kind: str) -> AttentionShape:
        anatomy, name = self._loaded.anatomy, self._loaded.summary.name
        if kind not in anatomy.kinds:
            words = _KIND_WORDS.get(kind, f"“{kind}” attention")
            raise UserError(f"{name} has one stack of blocks and no {words}.")
        last = len(anatomy.stack_of(kind).blocks) - 1
        if not 0 <= layer <= last:
            raise UserError(f"This model has blocks 0 to {last}; there is no block {layer}.")
        if (kind, layer) not in self._first.attention_shapes:
            raise UserError(f"Block {layer} of {name} has no {_KIND_WORDS[kind] if kind != 'self' else 'attention'}.")
        return self._first.attention_shapes[kind, layer]

    def _call(self, layer: int, kind: str) -> tuple[AttentionCall | SoftmaxCall, torch.Tensor | None]:
        self._attention_shape(layer, kind)
        at = (kind, layer)
        for capture in (self._first, self._late):
            if capture is not None and at in capture.calls:
                return capture.calls[at], capture.outputs.get(at)
        self._late = self._run((), frozenset({at}), budget=2**62)
        return self._late.calls[at], self._late.outputs.get(at)

    def _held(self, point: Point) -> torch.Tensor:
        for capture in (self._first, self._late):
            held = capture.tensors.get(point.name) if capture is not None else None
            if held is not None and held.intact:
                return held.tensor
        self._late = self._run((point,), frozenset(), budget=2**62)
        if point.name not in self._late.tensors:
            raise UserError(f"The module “{point.path}” did not run for this text, so it has no output.")
        return self._late.tensors[point.name].tensor

    def _weight(self, name: str) -> torch.Tensor | None:
        """A parameter or buffer by its name, None where the model has no such one."""
        path, _, last = name.rpartition(".")
        try:
            module = self._loaded.model.get_submodule(path)
        except AttributeError:
            return None
        with self.weights():
            found = module._parameters.get(last) if last in module._parameters else module._buffers.get(last)
            if found is None and module is not beneath(module):
                # An adapter's layer hands out what stood in its place by the old name.
                found = getattr(module, last, None)
            return found.detach().cpu().clone() if isinstance(found, torch.Tensor) else None

    def _module(self, path: str) -> Point:
        given = path.endswith(".input")
        try:
            self._loaded.model.get_submodule(path.removesuffix(".input"))
        except AttributeError:
            raise UserError(
                f"This run has no tensor called “{path}”, and the model no such module.", "names() lists those it has."
            ) from None
        return module_point(path.removesuffix(".input"), given)


def default_budget(device: str) -> int:
    """Bytes a trace may hold: a quarter of what is free where the model lies, at most 2 GiB."""
    return min(2 << 30, free_bytes(device) // 4)


def _without_heads(capture: Capture) -> dict[str, str]:
    if capture.logits is not None:
        return {}
    return {"logits": "This checkpoint has no head that turns its last stream into an answer of this kind."}

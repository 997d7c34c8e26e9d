"""The few lines of plain transformers that give a tensor of a trace again: for a notebook, a report, a check."""

from __future__ import annotations

from app.engine.errors import UserError
from app.engine.models.loaded import LoadedModel
from app.engine.models.parts import Stack
from app.engine.trace.names import HEAD_AXES, canonical, site_of
from app.engine.trace.result import STREAM_NORMS, WHOLE, Trace
from app.engine.trace.tap import BESIDE, way_of

_ATTENTIONS = {"self": "attentions", "encoder": "encoder_attentions", "cross": "cross_attentions"}
_PLACES = {"q": 0, "k": 1, "v": 2, "z": 3}


def recipe(trace: Trace, name: str, text: str, pair: str | None = None, target: str | None = None) -> str:
    """Python that leaves the tensor called `name` in the variable `tensor`, batch dropped, for the texts of the trace.

    Raises UserError where plain transformers does not give it in a few lines.
    """
    name = canonical(name)
    if trace.edits:
        raise UserError("With heads switched off or cells cut, plain transformers alone does not give this tensor.")
    if trace.training_step is not None:
        raise UserError(
            "The model is being trained: no file has the weights of this run, so no lines can give it again."
        )
    found = site_of(name, trace.loaded.anatomy)
    if found is not None and found[1] == "pattern":
        return _start(trace, text, pair, target, "eager") + _pattern(trace, found[0].kind, found[0].layer)
    if found is not None and found[1] == "sinks":
        return _start(trace, text, pair, target, None) + _weight(trace, f"{found[0].path}.sinks")
    if found is not None:
        return _start(trace, text, pair, target, None) + _attention(trace, found[0].kind, found[0].layer, found[1])
    if name in WHOLE:
        field = {"logits": "logits", "next_sentence": "seq_relationship_logits"}[name]
        if name == "logits" and type(trace.loaded.model).__name__.endswith("ForPreTraining"):
            field = "prediction_logits"
        return _start(trace, text, pair, target, None) + (
            f"\nwith torch.no_grad():\n    tensor = model(**inputs).{field}[0]\n"
        )
    stack = next((one for one in trace.loaded.anatomy.stacks if f"{one.prefix}{STREAM_NORMS}" == name), None)
    if stack is not None:
        return _start(trace, text, pair, target, None) + _norms(stack)
    return _start(trace, text, pair, target, None) + _hooked(trace, name)


def _start(trace: Trace, text: str, pair: str | None, target: str | None, attention: str | None) -> str:
    loaded, adapter = trace.loaded, trace.loaded.adapter if trace.adapter_active else None
    kind = type(loaded.model).__name__
    # A checkpoint may be stored in another precision than the one in which it was opened.
    how = f", dtype={loaded.model.dtype}" + (f', attn_implementation="{attention}"' if attention else "")
    texts = repr(text) if pair is None else f"{text!r}, {pair!r}"
    lines = [
        "import torch",
        *(["from peft import PeftModel"] if adapter is not None else []),
        f"from transformers import AutoTokenizer, {kind}",
        "",
        f"folder = {loaded.model.name_or_path!r}",
        f"tokenizer = AutoTokenizer.from_pretrained({_tokenizer_folder(loaded)})",
        f"model = {kind}.from_pretrained(folder{how}).eval()",
    ]
    if adapter is not None:
        if adapter.tokens:
            lines.append(f"model.resize_token_embeddings({adapter.tokens}, mean_resizing=False)")
        lines.append(f"model = PeftModel.from_pretrained(model, {adapter.folder!r}).get_base_model()")
    lines.append(f'inputs = dict(tokenizer({texts}, return_tensors="pt"))')
    if trace.target_tokens:
        ids = [token.id for token in trace.target_tokens]
        lines.append(f'inputs["decoder_input_ids"] = torch.tensor([{ids}])' + (f"  # {target!r}" if target else ""))
    return "\n".join(lines) + "\n"


def _tokenizer_folder(loaded: LoadedModel) -> str:
    """Where the tokenizer's files lie, as Python: an adapter may bring its own."""
    place = loaded.tokenizer.name_or_path
    return "folder" if place == loaded.model.name_or_path else repr(place)


def _pattern(trace: Trace, kind: str, layer: int) -> str:
    field = _ATTENTIONS[kind]
    if kind == "self" and trace.target_tokens:
        field = "decoder_attentions"
    # Only blocks that attend give attentions.
    place = [at for at in trace.attended() if at[0] == kind].index((kind, layer))
    return (
        "\nwith torch.no_grad():\n"
        f"    tensor = model(**inputs, output_attentions=True).{field}[{place}][0]  # [head, query, key]\n"
    )


def _attention(trace: Trace, kind: str, layer: int, part: str) -> str:
    if way_of(trace.loaded.model) != BESIDE:
        raise UserError("This family's attention is its own; plain transformers does not hand this tensor out.")
    place = trace.attended().index((kind, layer))
    lines = [
        "",
        "from transformers import AttentionInterface, AttentionMaskInterface",
        "from transformers.integrations.sdpa_attention import sdpa_attention_forward",
        "from transformers.masking_utils import sdpa_mask",
        "",
        "calls = []",
        "",
        "def look(module, query, key, value, attention_mask, **options):",
        "    made = sdpa_attention_forward(module, query, key, value, attention_mask, **options)",
        '    calls.append((query, key, value, made[0].transpose(1, 2), options.get("scaling"), attention_mask))',
        "    return made",
        "",
        'AttentionInterface.register("look", look)',
        'AttentionMaskInterface.register("look", sdpa_mask)',
        'model.set_attn_implementation("look")',
        "with torch.no_grad():",
        "    model(**inputs)",
    ]
    if part in _PLACES:
        shape = "[head, token, head_dim]"
        return "\n".join([*lines, f"tensor = calls[{place}][{_PLACES[part]}][0]  # {shape}", ""])
    arguments = trace.score_arguments(layer, kind)
    if "softcap" in arguments or trace.loaded.summary.position in ("relative bias", "relative sinusoid", "ALiBi"):
        raise UserError("This family adds to its scores or caps them; the trace has them, plain transformers does not.")
    scale = "scaling" if "scaling" in arguments else "query.shape[-1] ** -0.5"
    lines += [
        f"query, key, _, _, scaling, mask = calls[{place}]",
        "key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)",
        f"tensor = (query @ key.transpose(2, 3))[0] * {scale}  # [head, query, key]",
        "if mask is not None:",
        "    seen = mask[0] if mask.dtype == torch.bool else mask[0] == 0",
        '    tensor = tensor.masked_fill(~seen, float("-inf"))',
    ]
    if kind == "self" and trace.loaded.kind != "encoder":
        lines += [
            "else:",
            '    tensor = tensor.masked_fill(torch.ones(tensor.shape[1:]).triu(1).bool(), float("-inf"))',
        ]
    return "\n".join([*lines, ""])


def _weight(trace: Trace, name: str) -> str:
    buffer = name in dict(trace.loaded.model.named_buffers())
    return f"\ntensor = model.get_{'buffer' if buffer else 'parameter'}({name!r}).detach()\n"


def _norms(stack: Stack) -> str:
    """Hooks on all blocks of a stack; a module that several blocks share is heard at each of its calls."""
    paths = list(dict.fromkeys(parts.block for parts in stack.blocks))
    return "\n".join(
        [
            "",
            "streams = []",
            "",
            "def hook(module, args, kwargs, output):",
            "    if not streams:",
            '        streams.append(args[0] if args else kwargs["hidden_states"])',
            "    streams.append(output[0] if isinstance(output, tuple) else output)",
            "",
            f"for path in {paths!r}:",
            "    model.get_submodule(path).register_forward_hook(hook, with_kwargs=True)",
            "with torch.no_grad():",
            "    model(**inputs)",
            "tensor = torch.stack([stream[0].float().norm(dim=-1) for stream in streams])  # [block, token]",
            "",
        ]
    )


def _hooked(trace: Trace, name: str) -> str:
    point = trace.point(name) if not trace.is_table(name) else None
    if point is None and not trace.is_table(name):
        return _weight(trace, name)
    if point is None or not point.plain or point.axes == HEAD_AXES:
        raise UserError(
            "This tensor is cut out of, or put together from, what a module holds or gives; the lines would not be few."
        )
    given = point.reads_input
    what = "args[0] if args else next(iter(kwargs.values()))" if given else "output"
    return "\n".join(
        [
            "",
            "seen = []",
            "",
            "def hook(module, args, kwargs, output):",
            f"    found = {what}",
            "    seen.append(found[0] if isinstance(found, tuple) else found)",
            "",
            f"model.get_submodule({point.path!r}).register_forward_hook(hook, with_kwargs=True)",
            "with torch.no_grad():",
            "    model(**inputs)",
            # What a module gives is shown as it is, its batch of one too.
            f"tensor = seen[{point.call}]" + (".flatten(0, -2)  # [token, width]" if point.axes else ""),
            "",
        ]
    )

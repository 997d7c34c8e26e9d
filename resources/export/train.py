"""Goes through a finetune as Unembed would, in as many processes as `accelerate launch` starts; README.md says how.

It reads run.json, train.jsonl and held_out.jsonl beside it and writes log.jsonl, checkpoints/, best/ and at the end
adapter/ or model/. Started again it goes on from the newest checkpoint. Every process holds the whole model and takes
its part of each step's examples; their gradients are added up before the step. Every random number follows from seed
and step, so neither a pause nor the number of processes changes which examples make which step.
"""

from __future__ import annotations

import inspect
import json
import math
import shutil
import time
import warnings
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import transformers
from accelerate import Accelerator
from accelerate.utils import gather_object
from peft import LoraConfig
from peft.functional import get_peft_model_state_dict, inject_adapter_in_model, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from steps import IGNORED, Batch, batch_of, examples_in, parts_of, rate_at, steps_an_epoch, steps_of
from torch.nn.functional import cross_entropy

HERE = Path(__file__).resolve().parent
CHECKPOINTS = HERE / "checkpoints"
NAME, PREFIX = "default", "base_model.model."
"""How peft calls an adapter without a name, and what it puts before the names of stored tensors."""
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
TASKS = {"decoder": "CAUSAL_LM", "encoder-decoder": "SEQ_2_SEQ_LM"}
BUCKET = 2**25
"""Numbers of gradients that are sent at once."""
SHARDED = ("FSDP", "DEEPSPEED", "MEGATRON_LM", "XLA")


def summed_loss(model: Any, batch: Batch, rows: slice, accelerator: Accelerator) -> torch.Tensor:
    """The sum of −ln p over the labels of some rows, in nats, fp32 and differentiable."""
    given: dict[str, Any] = {
        name: torch.from_numpy(values[rows]).to(accelerator.device) for name, values in batch.inputs.items()
    }
    labels = torch.from_numpy(batch.labels[rows]).to(accelerator.device)
    if "use_cache" in inspect.signature(model.forward).parameters:
        given["use_cache"] = False
    with accelerator.autocast():
        output = model(**given, return_dict=True)
    logits = getattr(output, "logits", None)
    logits = output.prediction_logits if logits is None else logits
    wanted = labels != IGNORED
    return cross_entropy(logits[wanted].float(), labels[wanted], reduction="sum")


class Training:
    """The run in this folder, in one of its processes."""

    def __init__(self, accelerator: Accelerator) -> None:
        run = json.loads((HERE / "run.json").read_text(encoding="utf-8"))
        self.accelerator, self.settings = accelerator, SimpleNamespace(**run["settings"])
        self.facts: dict[str, Any] = {"kind": run["kind"], "precision": run["precision"], **run["export"]}
        self.train, self.held_out = examples_in(HERE / "train.jsonl"), examples_in(HERE / "held_out.jsonl")
        epochs = math.ceil(self.settings.epochs * steps_an_epoch(self.settings, len(self.train)))
        self.total = self.settings.max_steps or max(1, epochs)
        self.step, self.worse, self.seconds = 0, 0, 0.0
        self.best: dict[str, Any] | None = None
        self.began = time.perf_counter()
        self.model = opened(self.facts, accelerator)
        self.lora = self.adapted() if self.settings.method == "lora" else None
        if self.lora is None:
            for parameter in self.model.parameters():
                parameter.requires_grad_(parameter.is_floating_point())
        self.parameters = [each for each in self.model.parameters() if each.requires_grad]
        if self.settings.checkpointing:
            self.model.activation_checkpointing_enable({"use_reentrant": False})
        self.optimizer = self.adamw()

    def adapted(self) -> LoraConfig:
        """Put LoRA's matrices in: A random from the seed, the same in every process, B zero."""
        settings = self.settings
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=int(settings.alpha) if settings.alpha == int(settings.alpha) else settings.alpha,
            lora_dropout=settings.dropout,
            target_modules=settings.targets,
            use_rslora=settings.rslora,
            task_type=TASKS.get(self.facts["kind"]),
            base_model_name_or_path=self.facts["adapter_base"],
        )
        with warnings.catch_warnings(), torch.random.fork_rng():
            # peft warns of what it mends by itself (fan_in_fan_out of a Conv1D).
            warnings.simplefilter("ignore", UserWarning)
            torch.manual_seed(settings.seed)
            inject_adapter_in_model(config, self.model, NAME)
        return config

    def adamw(self) -> torch.optim.AdamW:
        """As transformers' Trainer makes it: no weight decay on biases and norms, which are vectors."""
        matrices = [parameter for parameter in self.parameters if parameter.ndim > 1]
        vectors = [parameter for parameter in self.parameters if parameter.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        used = [group for group in groups if group["params"]]
        return torch.optim.AdamW(used, lr=self.settings.learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True)

    # The loop

    def run(self) -> None:
        """Train from the newest checkpoint, or from the beginning, and write the result."""
        self.go_on()
        settings = self.settings
        if self.step == 0:
            self.look()
        steps = islice(steps_of(settings, len(self.train)), self.step, None)
        patient = True
        while self.step < self.total and (patient := not settings.patience or self.worse < settings.patience):
            self.one_step(next(steps))
            looks = settings.evaluate_every or max(1, math.ceil(self.total / 10))
            last = self.step == self.total
            if last or self.step % looks == 0:
                self.look()
            if last or self.step % (settings.save_every or looks) == 0 or 0 < settings.patience <= self.worse:
                self.save()
        if self.accelerator.is_main_process:
            self.write_result()
        self.accelerator.print("done" if patient else "stopped early", f"after {self.step} of {self.total} steps")

    def one_step(self, micro: list[np.ndarray]) -> None:
        """One change of the weights, by the mean loss over all trained tokens of all processes."""
        started, settings = time.perf_counter(), self.settings
        batches = [
            batch_of([self.train[place] for place in places], self.facts, self.step * 65_537 + number, settings.seed)
            for number, places in enumerate(micro)
        ]
        trained = sum(batch.trained for batch in batches)
        nats = 0.0
        self.model.train()
        for number, part, rows in self.mine([len(places) for places in micro]):
            # Dropout follows from the step; a whole micro-batch has the same in whichever process it is.
            torch.manual_seed(settings.seed * 1_000_003 + self.step * 65_537 + number + part * 2**40)
            loss = summed_loss(self.model, batches[number], rows, self.accelerator)
            (loss / max(trained, 1)).backward()
            nats += float(loss.detach())
        self.model.eval()
        self.add_gradients()
        loss_a_token = self.over_all(nats)[0] / max(trained, 1)
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, settings.clip or math.inf))
        if not math.isfinite(loss_a_token + norm):
            raise SystemExit(f"Loss or gradients are no numbers any more at step {self.step + 1}: lower learning_rate.")
        rate = rate_at(settings, self.step, self.total)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        epoch = self.step / steps_an_epoch(settings, len(self.train))
        self.tell(
            "StepReport", steps=self.total, loss=loss_a_token, learning_rate=rate, gradient_norm=norm, tokens=trained,
            seconds=time.perf_counter() - started, epoch=epoch,
        )  # fmt: skip

    def look(self) -> None:
        """The loss of what is held out; the weights are kept where it is the lowest so far."""
        size, found = self.settings.batch_size, [0.0, 0.0]
        batches = [self.held_out[start : start + size] for start in range(0, len(self.held_out), size)]
        if not batches:
            return
        for number, part, rows in self.mine([len(examples) for examples in batches]):
            batch = batch_of(batches[number], self.facts, 0, self.settings.seed)
            with torch.no_grad():
                found[0] += float(summed_loss(self.model, batch, rows, self.accelerator))
            found[1] += batch.trained if part == 0 else 0
        nats, labels = self.over_all(*found)
        loss = nats / max(labels, 1)
        best = self.best is None or loss < self.best["loss"]
        self.worse = 0 if best else self.worse + 1
        if best:
            self.best = {"step": self.step, "loss": loss}
            if self.step and self.accelerator.is_main_process:
                write_whole(HERE / "best", {"weights": self.tensors()}, {"step": self.step})
        self.tell("HeldOutReport", loss=loss, perplexity=math.exp(min(loss, 700)), tokens=int(labels), best=best)

    def mine(self, sizes: Sequence[int]) -> list[tuple[int, int, slice]]:
        """What this process takes of micro-batches of these sizes."""
        return parts_of(sizes, self.accelerator.num_processes, self.accelerator.process_index)

    def over_all(self, *values: float) -> list[float]:
        """Each value added up over the processes."""
        if self.accelerator.num_processes == 1:
            return list(values)
        there = torch.tensor(values, dtype=torch.float64, device=self.accelerator.device)
        return self.accelerator.reduce(there, "sum").tolist()

    def add_gradients(self) -> None:
        """Give every process the sum of all gradients, so that all make the same step."""
        if self.accelerator.num_processes == 1:
            return
        # What has no gradient in any process keeps none: AdamW leaves such parameters alone.
        has = self.over_all(*(float(parameter.grad is not None) for parameter in self.parameters))
        bucket: list[torch.Tensor] = []
        for parameter, count in zip(self.parameters, has, strict=True):
            if not count:
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            if bucket and (bucket[0].dtype != parameter.dtype or sum(map(torch.numel, bucket)) > BUCKET):
                self.add_bucket(bucket)
                bucket = []
            bucket.append(parameter.grad)
        self.add_bucket(bucket)

    def add_bucket(self, gradients: list[torch.Tensor]) -> None:
        """Send some gradients as one tensor, and put the sums in their places."""
        summed: Any = self.accelerator.reduce(torch.cat([each.reshape(-1) for each in gradients]), "sum")
        for gradient, found in zip(gradients, summed.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(found.view_as(gradient))

    def tell(self, kind: str, **report: Any) -> None:
        """A line in the log and on the screen, from the main process."""
        if self.accelerator.is_main_process:
            with (HERE / "log.jsonl").open("a", encoding="utf-8") as out:
                out.write(json.dumps({"kind": kind, "step": self.step, **report}) + "\n")
        if "loss" in report:
            what = "held out" if kind == "HeldOutReport" else "loss"
            self.accelerator.print(f"step {self.step} of {self.total}: {what} {report['loss']:.4f}", flush=True)

    # What is kept

    def tensors(self) -> dict[str, torch.Tensor]:
        """What is trained: the adapter as peft stores it, or all parameters by name."""
        if self.lora is None:
            found = dict(self.model.named_parameters())
        else:
            state = get_peft_model_state_dict(self.model, adapter_name=NAME, save_embedding_layers=False)
            found = {PREFIX + name: tensor for name, tensor in state.items()}
        return {name: tensor.detach().to("cpu").contiguous() for name, tensor in found.items()}

    def save(self) -> None:
        """Write a checkpoint, whole or not at all."""
        place = CHECKPOINTS / f"step-{self.step:06d}"
        if self.accelerator.is_main_process:
            state = {
                f"{number}.{kind}": value.detach().to("cpu").contiguous()
                for number, values in self.optimizer.state_dict()["state"].items()
                for kind, value in values.items()
            }
            seconds = self.seconds + time.perf_counter() - self.began
            facts = {"step": self.step, "best": self.best, "worse": self.worse, "seconds": seconds}
            write_whole(place, {"weights": self.tensors(), "optimizer": state}, facts)
        self.tell("CheckpointReport", folder=str(place))

    def go_on(self) -> None:
        """Take back the newest checkpoint, where there is one."""
        known = sorted(place for place in CHECKPOINTS.glob("step-*") if (place / "state.json").exists())
        place = known[-1] if known else None
        if len({*gather_object([place.name if place else ""])}) > 1:
            raise SystemExit(
                "The machines have different checkpoints: copy checkpoints/ of the main one to all others."
            )
        step = 0
        if place is not None:
            facts = json.loads((place / "state.json").read_text(encoding="utf-8"))
            self.take(load_file(place / "weights.safetensors"), load_file(place / "optimizer.safetensors"))
            self.step = step = facts["step"]
            self.best, self.worse, self.seconds = facts["best"], facts["worse"], facts["seconds"]
            self.accelerator.print(f"going on from step {step}")
        log = HERE / "log.jsonl"
        if self.accelerator.is_main_process and log.exists():
            # What came after the checkpoint is computed again; so is all where there is none.
            kept = [line for line in log.read_text(encoding="utf-8").splitlines() if place and within(line, step)]
            log.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def take(self, weights: dict[str, torch.Tensor], optimizer: dict[str, torch.Tensor]) -> None:
        """Weights and AdamW's state as `save` wrote them."""
        if self.lora is not None:
            state = {name.removeprefix(PREFIX): tensor for name, tensor in weights.items()}
            set_peft_model_state_dict(self.model, state, NAME)
        else:
            with torch.no_grad():
                for name, parameter in self.model.named_parameters():
                    parameter.copy_(weights[name])
        found: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in optimizer.items():
            number, _, kind = name.partition(".")
            found.setdefault(int(number), {})[kind] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": found})

    def write_result(self) -> None:
        """An adapter folder as peft writes it, or a model folder with its tokenizer."""
        if self.lora is None:
            self.model.save_pretrained(HERE / "model")
            shutil.copytree(HERE / "tokenizer", HERE / "model", dirs_exist_ok=True)
        else:
            self.lora.inference_mode = True
            self.lora.save_pretrained(str(HERE / "adapter"))
            save_file(self.tensors(), HERE / "adapter" / "adapter_model.safetensors", metadata={"format": "pt"})


def opened(facts: dict[str, Any], accelerator: Accelerator) -> Any:
    """The base on this process's device; from the hub it is fetched once a machine."""
    with accelerator.local_main_process_first():
        model = getattr(transformers, facts["class"]).from_pretrained(
            facts["hub"] or HERE / "base",
            **({"revision": facts["revision"]} if facts["revision"] else {}),
            attn_implementation=facts["attention"],
            dtype=DTYPES[facts["precision"]],
            use_safetensors=True,
            trust_remote_code=False,
        )
    return model.to(accelerator.device).eval()


def write_whole(place: Path, files: dict[str, dict[str, torch.Tensor]], facts: dict[str, Any]) -> None:
    """Replace a folder of tensors; what it held before is there until they are written."""
    part = place.with_name(f".{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name, tensors in files.items():
        save_file(tensors, part / f"{name}.safetensors")
    (part / "state.json").write_text(json.dumps(facts), encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)
    part.replace(place)


def within(line: str, step: int) -> bool:
    """Whether a line of the log is whole and not after a step."""
    try:
        return json.loads(line)["step"] <= step
    except ValueError:
        return False


def main() -> None:
    """Train in this process, together with the others."""
    accelerator = Accelerator()
    if accelerator.distributed_type.value in SHARDED:
        raise SystemExit("Every process holds the whole model here: configure several GPUs or CPUs without sharding.")
    if accelerator.mixed_precision not in ("no", "bf16"):
        raise SystemExit(f"Mixed precision {accelerator.mixed_precision} would need scaled gradients: take bf16 or no.")
    accelerator.print(f"{accelerator.num_processes} process(es), the main one on {accelerator.device}", flush=True)
    Training(accelerator).run()
    accelerator.wait_for_everyone()
    accelerator.end_training()


if __name__ == "__main__":
    main()

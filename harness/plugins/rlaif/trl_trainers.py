"""RLOO, GRPO, DPO and rejection sampling by trl's trainers, under the contract of :mod:`ppo`.

- RLOO: Ahmadian et al., "Back to Basics: Revisiting REINFORCE Style Optimization for Learning from Human Feedback in
  LLMs" (2024), arXiv 2402.14740.
- GRPO: Shao et al., "DeepSeekMath" (2024), arXiv 2402.03300, with its loss: the mean over answers of each one's mean.
- DPO: Rafailov et al., "Direct Preference Optimization" (2023), arXiv 2305.18290.

Invariants:

- A step is as in PPO: ``batch`` answers (DPO: pairs) are learnt from for ``epochs`` epochs, one ``minibatch`` per
  optimizer step. trl counts optimizer steps; logs and checkpoints count training steps.
- A checkpoint is written between two steps, when trl holds no unused answers, and contains optimizer and random
  generators. So a resumed training ends with the same weights, bit for bit on a CPU.
- The order of prompts or pairs is fixed in the data set, by a separate random generator.
- DPO and rejection sampling learn offline and sample nothing. Their reward, KL divergence, entropy and length are
  measured on ``batch`` answers that the start (step 0) and each checkpoint sample for the same training prompts with
  the same random numbers; the other columns are means over the steps since the previous checkpoint.
- KL divergence is in nats per answer: exact for these two; for RLOO and GRPO trl's estimates from the sampled tokens
  (log-ratio and k3; GRPO's is a mean over microbatches), which are missing if ``kl_coefficient`` is 0.

This module loads torch: import it where it is used.
"""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers

from apigauge.errors import ModelError, RunError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.hf import quiet
from apigauge.harness.plugins.rlaif import checkpoints, ppo
from apigauge.harness.plugins.rlaif.digests import json_digest
from apigauge.harness.plugins.rlaif.logs import Log, Sample, best_and_worst, logs
from apigauge.harness.plugins.rlaif.offline import best_of_n, dpo, shuffled_passes
from apigauge.harness.plugins.rlaif.options import OFFLINE, TrainOptions, check_options
from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair
from apigauge.harness.plugins.rlaif.policy import Policy
from apigauge.harness.plugins.rlaif.score import Score, scored

# trl's working folder, and the folder of a checkpoint with what a training of adapters resumes from.
_WORK, _STATE = ".trl", "trainer"
# trl's names -> names in our logs.
_COLUMNS = {
    "loss": "policy_loss",
    "grad_norm": "gradient",
    "entropy": "entropy",
    "clip_ratio/region_mean": "clip_fraction",
    "learning_rate": "learning_rate",
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
}


def train(
    algorithm: str,
    start: str,
    prompts: Sequence[str],
    score: Score,
    out: Path,
    options: TrainOptions,
    trackers: Sequence[str] = (),
    saved: Callable[[Path], None] = lambda _: None,
    pairs: Sequence[Pair] = (),
    answers: Sequence[Labelled] = (),
) -> Path:
    """Trains a policy and returns its last checkpoint, which ``hf:FOLDER`` loads.

    Killed at any moment and called again with the same arguments, it resumes and ends with the same weights. Answers
    are sampled with torch's global generator, which it seeds.

    Args:
        algorithm: ``rloo``, ``grpo``, ``dpo`` or ``rejection``.
        start: the checkpoint to start from, and to measure the KL divergence to: a folder, or an id of the hub.
        prompts: to answer; their order is part of the training.
        score: maps (prompt number, answer) pairs to rewards, one finite number for each. DPO and rejection sampling do
            not learn from it, but log it for each checkpoint's answers.
        out: a folder for checkpoints, ``metrics.jsonl`` and TensorBoard's files.
        options: of the training.
        trackers: additional logs: ``wandb``, ``trackio``.
        saved: called with each checkpoint after it is written.
        pairs: preferences that DPO learns from.
        answers: that ``rejection`` is fine-tuned on.

    Raises:
        UsageError: the algorithm does not use an option, a prompt leaves no room for an answer, or a tracker is not
            installed.
        ModelError: the checkpoint cannot be used, or training diverged.
        RunError: the folder holds another training, another process writes to it, or there is nothing to learn from.
    """
    check_options(algorithm, options)
    _check_learnable(algorithm, pairs, answers)
    checkpoint, folder = find(start), out / checkpoints.FOLDER
    manifest = {
        "algorithm": algorithm,
        "start": checkpoint.describe(),
        "prompts_sha256": json_digest(list(prompts)),
        "pairs_sha256": json_digest([[asdict(one.chosen), asdict(one.rejected)] for one in pairs]),
        **({"answers_sha256": json_digest([asdict(one) for one in answers])} if answers else {}),
        "options": options.identity(),
    }
    with run_directory.writing(out):
        last = checkpoints.begin(out, manifest)
        done = int(last.name.removeprefix("step-")) if last else 0
        if done < options.steps:
            policy = Policy(checkpoint, options)
            with logs(out, done if last else -1, options.steps, trackers, asdict(options)) as listening:
                source = (_Measured if algorithm in OFFLINE else _Drawn)(policy, prompts, score, options)
                callback = _Callback(policy, source, listening, out, saved)
                _run_trainer(algorithm, policy, source, pairs or answers, callback, last)
        shutil.rmtree(out / _WORK, ignore_errors=True)
        trained = checkpoints.last(folder)
        assert trained
        return trained


def _check_learnable(algorithm: str, pairs: Sequence[Pair], answers: Sequence[Labelled]) -> None:
    """Raises RunError if there is nothing to learn from offline."""
    if algorithm == "rejection" and not answers:
        raise RunError("no answer has a score to be chosen by; draw more answers or use another labeler")
    if algorithm == "dpo" and not pairs:
        raise RunError("no two answers to a prompt have different scores; draw more answers or use another labeler")


class _Drawn:
    """Scores the answers that trl samples, and keeps a step's numbers and examples for the logs.

    Args:
        policy: that is trained.
        prompts: to answer.
        score: the reward of answers.
        options: of the training.
    """

    def __init__(self, policy: Policy, prompts: Sequence[str], score: Score, options: TrainOptions) -> None:
        self.policy, self.prompts, self.score, self.options = policy, prompts, score, options
        self.encoded = policy.encode(prompts, chat=options.chat)
        self.numbers: dict[str, float] = {}
        self.samples: list[Sample] = []

    def reward(self, completion_ids: list[list[int]], number: list[int], **_: Any) -> list[float]:
        """The rewards that trl learns from; a truncated answer gets ``missing_end``, if that is set."""
        rows = zip(number, completion_ids, strict=True)
        answers = [self.policy.decode(self.encoded[one], ids) for one, ids in rows]
        scores, unread = scored(self.score, [(one, answer.text) for one, answer in zip(number, answers, strict=True)])
        ended = [answer.finish_reason == "stop" for answer in answers]
        self.numbers = {
            "reward": sum(scores) / len(scores),
            "length": sum(map(len, completion_ids)) / len(scores),
            "ended": sum(ended) / len(scores),
            **({"unread": unread} if unread else {}),
        }
        scored_answers = zip(number, answers, scores, strict=True)
        self.samples = best_and_worst([Sample(self.prompts[one], answer.text, s) for one, answer, s in scored_answers])
        fixed = self.options.missing_end
        return [score if end or fixed is None else fixed for score, end in zip(scores, ended, strict=True)]

    def now(self) -> tuple[dict[str, float], list[Sample]]:
        """Numbers of the last step, and some of its answers."""
        return self.numbers, self.samples


class _Measured(_Drawn):
    """Answers sampled for measuring only, always for the same prompts and with the same random numbers."""

    def now(self) -> tuple[dict[str, float], list[Sample]]:
        """Numbers of answers sampled from the policy now, and some of the answers."""
        o, draws = self.options, torch.Generator().manual_seed(self.options.seed)
        number = shuffled_passes(len(self.prompts), o.batch, draws)
        uniform = torch.rand(o.batch, o.max_new_tokens, generator=draws)
        answers, _ = self.policy.draw([self.encoded[one] for one in number], uniform)
        self.reward([ids[mask].tolist() for ids, mask in zip(answers.tokens, answers.answered, strict=True)], number)
        kl = entropy = 0.0
        with torch.no_grad():
            for rows in torch.split(torch.arange(o.batch), o.microbatch):
                part = answers.rows(rows)
                log_p, log_q = self.policy.read(part)[0], self.policy.read_start(part)
                kl += torch.where(part.answered, ppo.kl_divergence(log_p, log_q), 0.0).sum().item()
                entropy += torch.where(part.answered, ppo.entropy(log_p), 0.0).sum().item()
        tokens = answers.answered.sum().item()
        return {**self.numbers, "kl": kl / o.batch, "entropy": entropy / tokens}, self.samples


class _Callback(transformers.TrainerCallback):  # type: ignore[misc] # transformers has no types here
    """Translates trl's steps into training steps: writes the logs, and checkpoints atomically."""

    def __init__(
        self, policy: Policy, source: _Drawn, listening: Sequence[Log], out: Path, saved: Callable[[Path], None]
    ) -> None:
        self.policy, self.source, self.listening, self.out, self.saved = policy, source, listening, out, saved
        self.options = source.options
        self.rewards: list[float] = []  # since the last checkpoint

    def write(self, step: int, logged: dict[str, Any]) -> None:
        """Writes a step's numbers to the logs, with those that trl has logged.

        Raises:
            ModelError: training diverged.
        """
        if not math.isfinite(logged.get("grad_norm", 0.0)):
            raise ModelError(f"step {step}: the gradient is {logged['grad_norm']}; lower learning_rate and start again")
        now, samples = self.source.now()
        numbers = {ours: logged[theirs] for theirs, ours in _COLUMNS.items() if theirs in logged} | now
        if "kl" in logged:  # nats per token
            numbers["kl"] = logged["kl"] * numbers["length"]
        numbers["kl_coefficient"] = self.options.kl_coefficient
        for log in self.listening:
            log(step, numbers, samples)
        if step:
            self.rewards.append(numbers["reward"])

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - trl's signature
        """Decides whether to log and save after an optimizer step."""
        o, (step, rest) = self.options, divmod(state.global_step, self.options.updates)
        control.should_save = not rest and (step % o.save_every == 0 or step == o.steps)
        control.should_log = control.should_save or (not rest and not isinstance(self.source, _Measured))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:  # noqa: ARG002
        """Writes what trl logs, except its summary of the whole training."""
        if "train_runtime" not in logs:
            self.write(state.global_step // self.options.updates, logs)
        state.log_history.clear()  # it would be in each checkpoint, with timings

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Turns trl's checkpoint, which is not written atomically, into ours."""
        written = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        step = state.global_step // self.options.updates

        def write(temporary: Path) -> None:
            state_folder = temporary
            if self.options.lora:
                self.policy.save(temporary)
                state_folder = temporary / _STATE
                state_folder.mkdir()
            for path in written.iterdir():
                if path.name != "training_args.bin":  # paths of this machine
                    path.rename(state_folder / path.name)

        checkpoints.save(self.out / checkpoints.FOLDER, step, sum(self.rewards) / len(self.rewards), write)
        shutil.rmtree(written)
        self.rewards = []
        with torch.random.fork_rng():  # a training resumed from here must continue with the same random numbers
            self.saved(self.out / checkpoints.FOLDER / f"step-{step:06d}")


def _run_trainer(
    algorithm: str,
    policy: Policy,
    source: _Drawn,
    learnt: Sequence[Any],
    callback: _Callback,
    last: Path | None,
) -> None:
    from datasets import disable_progress_bars

    disable_progress_bars()
    options = source.options
    if isinstance(source, _Measured) and not last:
        callback.write(0, {})
    with quiet():
        if algorithm in OFFLINE:
            make = dpo if algorithm == "dpo" else best_of_n
            trainer = make(policy, learnt, callback, options, _shared(policy, callback))
        else:
            trainer = _online(algorithm, source, callback)
        if algorithm != "rejection":
            policy.start = trainer.ref_model  # trl has a frozen copy of the start already
        policy.count_positions()
        trainer.remove_callback(transformers.PrinterCallback)
    trainer.create_optimizer()
    trainer.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
        trainer.optimizer, lambda update: options.rate_at(update // options.updates) / options.learning_rate
    )
    state = last / _STATE if last and options.lora else last
    trainer.train(resume_from_checkpoint=str(state) if state else None)


def _online(algorithm: str, source: _Drawn, callback: _Callback) -> Any:
    """The trainer of RLOO or GRPO.

    Raises:
        UsageError: trl would not tokenize the prompts as :meth:`Policy.encode` does.
    """
    prompts = list(source.prompts)
    if source.policy.tokenizer(prompts)["input_ids"] != [one.ids for one in source.encoded]:
        raise UsageError(
            f"{algorithm}: the tokenizer adds special tokens to what the chat template has written already, and trl "
            "has no way to leave them out; take ppo or dpo"
        )
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

    o = source.options
    order = shuffled_passes(len(source.prompts), o.steps * o.batch // o.samples, torch.Generator().manual_seed(o.seed))
    rows = Dataset.from_dict({"prompt": list(source.prompts), "number": list(range(len(source.prompts)))}).select(order)
    kinds: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "rloo": (RLOOTrainer, RLOOConfig, {"normalize_advantages": o.normalise_scores}),
        "grpo": (GRPOTrainer, GRPOConfig, {"loss_type": "grpo", "scale_rewards": "group"}),
    }
    kind, configuration, own = kinds[algorithm]
    shared = _shared(source.policy, callback)
    return kind(
        model=source.policy.model,
        reward_funcs=source.reward,
        processing_class=source.policy.tokenizer,
        callbacks=[callback],
        train_dataset=rows,
        args=configuration(
            **shared,
            **own,
            beta=o.kl_coefficient,
            num_generations=o.samples,
            steps_per_generation=o.batch // shared["per_device_train_batch_size"],
            num_iterations=o.epochs,
            max_completion_length=o.max_new_tokens,
            temperature=o.temperature,
            epsilon=o.clip,
            shuffle_dataset=False,
        ),
    )


def _shared(policy: Policy, callback: _Callback) -> dict[str, Any]:
    """The arguments of all trainers."""
    o = callback.options
    microbatch = min(o.microbatch, o.minibatch)
    return {
        "output_dir": str(callback.out / _WORK),
        "max_steps": o.steps * o.updates,
        "per_device_train_batch_size": microbatch,
        "gradient_accumulation_steps": o.minibatch // microbatch,
        "learning_rate": o.learning_rate,
        "max_grad_norm": o.max_gradient,
        "bf16": o.bf16,
        "seed": o.seed,
        "use_cpu": policy.device == "cpu",
        "disable_dropout": True,
        "gradient_checkpointing": o.gradient_checkpointing,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }

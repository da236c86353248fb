"""RLOO, GRPO and DPO by trl's trainers, under the contract of :mod:`ppo`.

- RLOO: Ahmadian et al., "Back to Basics: Revisiting REINFORCE Style Optimization for Learning from Human Feedback in
  LLMs" (2024), arXiv 2402.14740.
- GRPO: Shao et al., "DeepSeekMath" (2024), arXiv 2402.03300, with its loss: the mean over answers of each one's mean.
- DPO: Rafailov et al., "Direct Preference Optimization" (2023), arXiv 2305.18290.

Kept on purpose:

- A step is PPO's: ``batch`` answers (DPO: pairs) are learnt from ``epochs`` times, a ``minibatch`` to one step of the
  optimizer. trl counts the optimizer's steps; logs and checkpoints are told of ours.
- A checkpoint is made between two steps, when trl has no drawn answers left, and holds optimizer and generators. So a
  training goes on to the same weights, bit for bit on a CPU.
- Which prompts or pairs come when is written into the data set, from a generator of its own.
- DPO learns offline and draws nothing. Its reward, KL divergence, entropy and length are of ``batch`` answers that the
  start (step 0) and each checkpoint draw to the same training prompts by the same random numbers; the other columns are
  means over the steps since the checkpoint before.
- KL divergence is nats per answer: exact for DPO; for RLOO and GRPO their own estimates from the tokens drawn
  (log-ratio and k3; GRPO's is a mean over microbatches), which are left out where ``kl_coefficient`` is 0.

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

from apigauge.errors import ModelError, RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.hf import quiet
from apigauge.harness.generation.tokens import Tokenized
from apigauge.harness.plugins.rlaif import checkpoints, ppo
from apigauge.harness.plugins.rlaif.digests import json_digest
from apigauge.harness.plugins.rlaif.logs import Log, Sample, best_and_worst, logs
from apigauge.harness.plugins.rlaif.options import TrainOptions, check_options
from apigauge.harness.plugins.rlaif.pairs import Pair
from apigauge.harness.plugins.rlaif.policy import Policy
from apigauge.harness.plugins.rlaif.score import Score, scored

# Where trl writes before a checkpoint is ours, and where one keeps what adapters go on from.
_WORK, _STATE = ".trl", "trainer"
# trl's names of what we tell.
_TOLD = {
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
) -> Path:
    """Trains a policy and returns its last checkpoint, which ``hf:FOLDER`` answers with.

    Killed at any moment and called again with the same arguments, it goes on to the same weights. What it draws is
    drawn from torch's global generator, which it seeds.

    Args:
        algorithm: ``rloo``, ``grpo`` or ``dpo``.
        start: the checkpoint to begin with and to stay near: a folder, or an id of the hub.
        prompts: what is asked, in an order of its own.
        score: the rewards of answers: as many finite numbers as it is given pairs of a prompt's number and an answer.
            DPO does not learn from it; it says how good a checkpoint's answers are.
        out: a folder for checkpoints, ``metrics.jsonl`` and TensorBoard's files.
        options: how.
        trackers: ``wandb`` and ``trackio``, if the numbers shall go there too.
        saved: called with each checkpoint once it is written.
        pairs: what DPO learns from.

    Raises:
        UsageError: the algorithm has no such options, a prompt leaves no room for an answer, or a tracker is not
            installed.
        ModelError: the checkpoint cannot be used, or learning diverged.
        RunError: the folder holds another training, another process writes to it, or DPO has no pairs.
    """
    check_options(algorithm, options)
    is_offline = algorithm == "dpo"
    if is_offline and not pairs:
        raise RunError("no two answers to a prompt have different scores; ask for more answers, or another labeler")
    checkpoint, folder = find(start), out / checkpoints.FOLDER
    manifest = {
        "algorithm": algorithm,
        "start": checkpoint.describe(),
        "prompts_sha256": json_digest(list(prompts)),
        "pairs_sha256": json_digest([[asdict(one.chosen), asdict(one.rejected)] for one in pairs]),
        "options": asdict(options),
    }
    with run_directory.writing(out):
        last = checkpoints.begin(out, manifest)
        done = int(last.name.removeprefix("step-")) if last else 0
        if done < options.steps:
            policy = Policy(checkpoint, options)
            with logs(out, done if last else -1, options.steps, trackers, asdict(options)) as listening:
                seen = (_Measured if is_offline else _Drawn)(policy, prompts, score, options)
                teller = _Teller(policy, seen, listening, out, saved)
                _run_trainer(algorithm, policy, seen, pairs, teller, last)
        shutil.rmtree(out / _WORK, ignore_errors=True)
        trained = checkpoints.last(folder)
        assert trained
        return trained


class _Drawn:
    """The answers that trl draws: scored for it, and what there is to tell of a step's.

    Args:
        policy: who answers.
        prompts: what is asked.
        score: what answers are worth.
        options: of the training.
    """

    def __init__(self, policy: Policy, prompts: Sequence[str], score: Score, options: TrainOptions) -> None:
        self.policy, self.prompts, self.score, self.options = policy, prompts, score, options
        self.encoded = policy.encode(prompts, chat=options.chat)
        self.numbers: dict[str, float] = {}
        self.samples: list[Sample] = []

    def reward(self, completion_ids: list[list[int]], number: list[int], **_: Any) -> list[float]:
        """What trl learns from; a cut answer gets a fixed reward, if the options say so."""
        asked = zip(number, completion_ids, strict=True)
        answers = [self.policy.decode(self.encoded[one], ids) for one, ids in asked]
        scores = scored(self.score, [(one, answer.text) for one, answer in zip(number, answers, strict=True)])
        ended = [answer.finish_reason == "stop" for answer in answers]
        self.numbers = {
            "reward": sum(scores) / len(scores),
            "length": sum(map(len, completion_ids)) / len(scores),
            "ended": sum(ended) / len(scores),
        }
        told = zip(number, answers, scores, strict=True)
        self.samples = best_and_worst([Sample(self.prompts[one], answer.text, got) for one, answer, got in told])
        cut = self.options.missing_end
        return [got if end or cut is None else cut for got, end in zip(scores, ended, strict=True)]

    def now(self) -> tuple[dict[str, float], list[Sample]]:
        """Numbers of the step that was done last, and some of its answers."""
        return self.numbers, self.samples


class _Measured(_Drawn):
    """Answers that are drawn for their own sake, always to the same prompts and by the same random numbers."""

    def now(self) -> tuple[dict[str, float], list[Sample]]:
        """Numbers of answers as the policy draws them now, and some of them."""
        o, draws = self.options, torch.Generator().manual_seed(self.options.seed)
        number = _order(len(self.prompts), o.batch, draws)
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


class _Teller(transformers.TrainerCallback):  # type: ignore[misc] # transformers has no types here
    """Ends trl's steps as ours end: numbers to the logs, and checkpoints that are there whole or not at all."""

    def __init__(
        self, policy: Policy, seen: _Drawn, listening: Sequence[Log], out: Path, saved: Callable[[Path], None]
    ) -> None:
        self.policy, self.seen, self.listening, self.out, self.saved = policy, seen, listening, out, saved
        self.options = seen.options
        self.rewards: list[float] = []  # since the last checkpoint

    def tell(self, step: int, logged: dict[str, Any]) -> None:
        """Tells a step's numbers, with what trl has logged of it.

        Raises:
            ModelError: learning diverged.
        """
        if not math.isfinite(logged.get("grad_norm", 0.0)):
            raise ModelError(f"step {step}: the gradient is {logged['grad_norm']}; lower learning_rate and start again")
        now, samples = self.seen.now()
        numbers = {ours: logged[theirs] for theirs, ours in _TOLD.items() if theirs in logged} | now
        if "kl" in logged:  # nats per token
            numbers["kl"] = logged["kl"] * numbers["length"]
        numbers["kl_coefficient"] = self.options.kl_coefficient
        for log in self.listening:
            log(step, numbers, samples)
        if step:
            self.rewards.append(numbers["reward"])

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - trl's signature
        """Decides what happens behind a step of the optimizer."""
        o, (step, rest) = self.options, divmod(state.global_step, self.options.updates)
        control.should_save = not rest and (step % o.save_every == 0 or step == o.steps)
        control.should_log = control.should_save or (not rest and not isinstance(self.seen, _Measured))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:  # noqa: ARG002
        """Takes what trl logs, but for its sum of all."""
        if "train_runtime" not in logs:
            self.tell(state.global_step // self.options.updates, logs)
        state.log_history.clear()  # it would be in each checkpoint, with times

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Makes a checkpoint of ours from trl's, which may be torn."""
        made = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        step = state.global_step // self.options.updates

        def write(temporary: Path) -> None:
            state_folder = temporary
            if self.options.lora:
                self.policy.save(temporary)
                state_folder = temporary / _STATE
                state_folder.mkdir()
            for path in made.iterdir():
                if path.name != "training_args.bin":  # paths of this machine
                    path.rename(state_folder / path.name)

        checkpoints.save(self.out / checkpoints.FOLDER, step, sum(self.rewards) / len(self.rewards), write)
        shutil.rmtree(made)
        self.rewards = []
        with torch.random.fork_rng():  # a training that goes on from here has not drawn what this draws
            self.saved(self.out / checkpoints.FOLDER / f"step-{step:06d}")


def _run_trainer(
    algorithm: str, policy: Policy, seen: _Drawn, pairs: Sequence[Pair], teller: _Teller, last: Path | None
) -> None:
    from datasets import disable_progress_bars

    disable_progress_bars()
    options = seen.options
    if isinstance(seen, _Measured) and not last:
        teller.tell(0, {})
    with quiet():
        trainer = _dpo(policy, pairs, teller) if algorithm == "dpo" else _online(algorithm, seen, teller)
        policy.start = trainer.ref_model  # one frozen start is enough
        policy.count_positions()
        trainer.remove_callback(transformers.PrinterCallback)
    trainer.create_optimizer()
    trainer.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
        trainer.optimizer, lambda update: options.rate_at(update // options.updates) / options.learning_rate
    )
    state = last / _STATE if last and options.lora else last
    trainer.train(resume_from_checkpoint=str(state) if state else None)


def _online(algorithm: str, seen: _Drawn, teller: _Teller) -> Any:
    """RLOO or GRPO. trl's own tokens of a prompt are those of :meth:`Policy.encode`."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

    o = seen.options
    order = _order(len(seen.prompts), o.steps * o.batch // o.samples, torch.Generator().manual_seed(o.seed))
    rows = Dataset.from_dict({"prompt": list(seen.prompts), "number": list(range(len(seen.prompts)))}).select(order)
    kinds: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "rloo": (RLOOTrainer, RLOOConfig, {"normalize_advantages": o.normalise_scores}),
        "grpo": (GRPOTrainer, GRPOConfig, {"loss_type": "grpo", "scale_rewards": "group"}),
    }
    kind, configuration, own = kinds[algorithm]
    given = _shared(seen.policy, teller)
    return kind(
        model=seen.policy.model,
        reward_funcs=seen.reward,
        processing_class=seen.policy.tokenizer,
        callbacks=[teller],
        train_dataset=rows,
        args=configuration(
            **given,
            **own,
            num_generations=o.samples,
            steps_per_generation=o.batch // given["per_device_train_batch_size"],
            num_iterations=o.epochs,
            max_completion_length=o.max_new_tokens,
            temperature=o.temperature,
            epsilon=o.clip,
            shuffle_dataset=False,
        ),
    )


def _dpo(policy: Policy, pairs: Sequence[Pair], teller: _Teller) -> Any:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    class TokenTrainer(DPOTrainer):  # type: ignore[misc] # trl has no types
        """Learns the tokens given. trl's own would end answers that were cut, and join them with their prompts."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    o, draws = teller.options, torch.Generator().manual_seed(teller.options.seed)
    prompts = policy.encode([pair.chosen.prompt for pair in pairs], chat=o.chat)
    rows = [_row(policy, prompt, pair) for prompt, pair in zip(prompts, pairs, strict=True)]
    order: list[int] = []
    for chosen in torch.split(torch.tensor(_order(len(pairs), o.steps * o.batch, draws)), o.batch):
        for _ in range(o.epochs):
            order += chosen[torch.randperm(o.batch, generator=draws)].tolist()
    return TokenTrainer(
        model=policy.model,
        processing_class=policy.tokenizer,
        callbacks=[teller],
        train_dataset=Dataset.from_list(rows).select(order),
        args=DPOConfig(**_shared(policy, teller), max_length=None, train_sampling_strategy="sequential"),
    )


def _row(policy: Policy, prompt: Tokenized, pair: Pair) -> dict[str, list[int]]:
    """A pair as DPO reads it."""
    sides = {"chosen_ids": pair.chosen, "rejected_ids": pair.rejected}
    answers = {name: policy.encode_answer(prompt, one.text, ended=one.ended) for name, one in sides.items()}
    return {"prompt_ids": prompt.ids, **answers}


def _shared(policy: Policy, teller: _Teller) -> dict[str, Any]:
    """What all trainers are told."""
    o = teller.options
    microbatch = min(o.microbatch, o.minibatch)
    return {
        "output_dir": str(teller.out / _WORK),
        "max_steps": o.steps * o.updates,
        "per_device_train_batch_size": microbatch,
        "gradient_accumulation_steps": o.minibatch // microbatch,
        "learning_rate": o.learning_rate,
        "max_grad_norm": o.max_gradient,
        "beta": o.kl_coefficient,
        "bf16": o.bf16,
        "seed": o.seed,
        "use_cpu": policy.device == "cpu",
        "disable_dropout": True,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def _order(count: int, wanted: int, draws: torch.Generator) -> list[int]:
    """So many of the numbers below a count, each once before any comes again."""
    found: list[int] = []
    while len(found) < wanted:
        found += torch.randperm(count, generator=draws).tolist()
    return found[:wanted]

"""What a recipe may ask of a labeler that is a model: requests, tokens and dollars, before the first of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import UsageError
from apigauge.harness.evaluation.usage import Price
from apigauge.harness.generation.rate_limits import CHARACTERS_A_TOKEN
from apigauge.harness.plugins.rlaif.labelers.asking import Asking
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.made_answers import MadeAnswer, made_answers
from apigauge.harness.plugins.rlaif.labelers.model import ROUNDS, calibration_rows
from apigauge.harness.plugins.rlaif.labelers.registry import MODELS
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.harness.plugins.rlaif.options import OFFLINE
from apigauge.harness.plugins.rlaif.questions import QUESTIONS
from apigauge.harness.plugins.rlaif.recipe import Recipe
from apigauge.harness.plugins.rlaif.sft import completion
from apigauge.harness.plugins.rlaif.start_reward import MOST_QUESTIONS


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all seeds of a recipe ask together, if every reply can be read.

    Attributes:
        answers: that are judged.
        requests: to the labeler, one for each answer and question.
        prompt_tokens: of all requests, estimated with the training part's reference programs as answers.
        reply_tokens: the most that the replies can have.
        rounds: how often a question may be asked.
    """

    answers: int
    requests: int
    prompt_tokens: int
    reply_tokens: int
    rounds: int = len(ROUNDS)

    def dollars(self, price: Price) -> float:
        """What it costs if every reply is as long as it may be."""
        return price.dollars(self.prompt_tokens, self.reply_tokens)

    def sentence(self, labeler: str, price: Price | None) -> str:
        """The announcement."""
        dollars = f", about ${self.dollars(price):,.2f}" if price else ""
        return (
            f"labeler {labeler}: about {self.requests:,} requests ({self.answers:,} answers, {len(QUESTIONS)} "
            f"questions each), {self.prompt_tokens:,} tokens of prompts and at most {self.reply_tokens:,} of replies"
            f"{dollars}" + (f"; up to {self.rounds} times as much if replies cannot be read" if self.rounds > 1 else "")
        )


def estimate(recipe: Recipe, benchmark: Benchmark, *, trains: bool) -> Estimate | None:
    """The estimate for a recipe; None for a labeler that is no model.

    Args:
        recipe: with all its seeds.
        benchmark: with the training part.
        trains: whether the training runs, and not the stages before it alone.
    """
    if not is_model(recipe.labeler) or not benchmark.train:
        return None
    answers = 0
    if recipe.draws_feedback or not trains:
        answers += len(benchmark.train[: recipe.feedback.limit]) * recipe.feedback.samples
    if trains and recipe.learn_from == "labeler":
        if recipe.algorithm in OFFLINE:  # they measure the start and each checkpoint
            answers += recipe.train.batch * (1 + -(-recipe.train.steps // recipe.train.save_every))
        else:
            answers += recipe.train.batch * recipe.train.steps + min(len(benchmark.train), MOST_QUESTIONS)
    answers *= len(recipe.seeds)
    items = benchmark.train[: recipe.feedback.limit]
    each = of_answers(recipe.labeler_options, benchmark, [Answer(item, 0, completion(item)) for item in items])
    calibrating = each.requests - len(items) * len(QUESTIONS)
    requests = answers * len(QUESTIONS) + len(recipe.seeds) * calibrating
    tokens = round(requests * each.prompt_tokens / each.requests)
    return Estimate(answers, requests, tokens, requests * recipe.labeler_options.reply_tokens, each.rounds)


def of_answers(options: LabelerOptions, benchmark: Benchmark, answers: Sequence[Answer]) -> Estimate:
    """What judging these answers asks, calibration included."""
    asking = Asking(benchmark, options)
    asking.prepare([answer.item for answer in answers])
    characters = [len(asking.prompt(answer, name)) for answer in answers for name in QUESTIONS]
    calibrating = [(one.answer, name) for one in _calibrating(options, benchmark) for name in one.truth]
    characters += [len(asking.prompt(answer, name)) for answer, name in calibrating]
    tokens = round(sum(characters) / CHARACTERS_A_TOKEN)
    rounds = 1 if options.replies == "probability" else len(ROUNDS)
    return Estimate(len(answers), len(characters), tokens, len(characters) * options.reply_tokens, rounds)


def total(several: Sequence[Estimate]) -> Estimate:
    """What several labelers ask together about the same answers."""
    first = several[0]
    return Estimate(
        first.answers,
        sum(one.requests for one in several),
        sum(one.prompt_tokens for one in several),
        sum(one.reply_tokens for one in several),
        first.rounds,
    )


def is_model(labeler: str) -> bool:
    """Whether a labeler is a model, which is asked."""
    return labeler.partition(":")[0] in MODELS


def _calibrating(options: LabelerOptions, benchmark: Benchmark) -> list[MadeAnswer]:
    return made_answers(calibration_rows(benchmark.train, options.calibration))


def refuse_above(limit: float | None, price: Price | None, what: Estimate) -> None:
    """Checks that a recipe cannot cost more than a limit, even if no reply can be read.

    Raises:
        UsageError: it may.
    """
    if limit is None or price is None:
        return
    most = what.dollars(price) * what.rounds
    if most > limit:
        raise UsageError(
            f"--max-cost {limit:g}: the labeler may cost up to about ${most:,.2f} (${what.dollars(price):,.2f} if "
            "every reply can be read); lower samples or limit in [feedback], or steps, or raise the limit"
        )

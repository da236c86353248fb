"""``--dry-run``: what a run would ask, run and cost. Nothing is written, no model is loaded, no server is called."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from apigauge.errors import SandboxError
from apigauge.harness.cli.cost import price_for
from apigauge.harness.cli.pairs import Outcome, for_each_pair, run_folder
from apigauge.harness.generation.rate_limits import CHARACTERS_A_TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apigauge.benchmarks import Benchmark, Item
    from apigauge.harness.evaluation.usage import Price
    from apigauge.harness.generation.options import ModelOptions

_SHOWN = 600


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """``--dry-run``."""
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only print what would be asked, run and written, and an upper bound of the cost",
    )


def dry_run(arguments: argparse.Namespace, options: "ModelOptions", *, runs_programs: bool) -> int:
    """Prints the plan of every pair; ``runs_programs`` says whether answers are scored as well."""

    def plan(benchmark: "Benchmark", spec: str) -> Outcome:
        result = plan_of(arguments, benchmark, spec, options, runs_programs=runs_programs)
        if not arguments.json:
            print(_text(result))
        return Outcome(0, result)

    return for_each_pair(arguments, lambda spec: spec, plan)


def plan_of(
    arguments: argparse.Namespace, benchmark: "Benchmark", spec: str, options: "ModelOptions", *, runs_programs: bool
) -> dict[str, Any]:
    """The plan of one pair, as ``--json`` prints it: of the run that ``arguments.out`` names, if there is one pair."""
    from apigauge.harness.evaluation.addresses import shown
    from apigauge.harness.evaluation.remote import refreshed
    from apigauge.harness.generation.backends import BACKENDS, open_generator, split_spec

    kind, argument = split_spec(spec)
    items = benchmark.items[: arguments.limit]
    if BACKENDS[kind].runs_model:
        name, samples = _name(kind, argument, options), options.sampling.samples
        prompts = _prompts(kind, benchmark, items, options)
    else:  # opened without loading anything
        generator = open_generator(spec, options)
        name, samples, prompts = generator.describe()["spec"], generator.samples, generator.prompts(benchmark, items)
    out = refreshed(run_folder(arguments, benchmark.name, name))
    answered = _answered(out)
    missing = [
        prompt
        for item, prompt in zip(items, prompts, strict=True)
        for sample in range(samples)
        if (item.id, sample) not in answered
    ]
    total = len(items) * samples
    return {
        "benchmark": benchmark.name,
        "model": spec,
        "run": shown(out),
        "items": len(items),
        "samples": samples,
        "answers": total,
        "answered": total - len(missing),
        "system": options.prompting.system if BACKENDS[kind].runs_model else "",
        "first_prompt": prompts[0] if prompts else "",
        "prompt_is_exact": kind == "openai" or not BACKENDS[kind].runs_model,
        "programs_at_most": total if runs_programs else 0,
        "sandbox": _sandbox(arguments, benchmark) if runs_programs else None,
        "cost": _cost(missing if BACKENDS[kind].runs_model else [], options, price_for(arguments, spec)),
    }


def _name(kind: str, argument: str, options: "ModelOptions") -> str:
    """The ``spec`` that the model will have in the manifest."""
    from apigauge.harness.generation.checkpoint import name_of

    if kind == "openai":
        return f"{kind}:{argument}"
    return f"{kind}:{name_of(argument)}" + (f"+{name_of(options.adapter)}" if options.adapter else "")


def _prompts(kind: str, benchmark: "Benchmark", items: "Sequence[Item]", options: "ModelOptions") -> list[str]:
    """The prompts without a checkpoint's chat template, which is loaded with the checkpoint only."""
    from apigauge.harness.generation.prompts import render

    # What is part of a chat is for a checkpoint that has a template; whether it has is seen when it is loaded.
    is_chat = options.prompting.style == "chat" or bool(options.prompting.chat_settings())
    style = options.prompting.resolve(has_chat=kind == "openai" or is_chat)
    return render(benchmark, items, options.prompting, style, None)


def _answered(run: Path) -> set[tuple[str, int]]:
    """The keys of the answers that the run already holds."""
    from apigauge.harness.evaluation import run_directory

    return {(row["item"], row["sample"]) for row in run_directory.iterate_rows(run / run_directory.GENERATIONS)}


def _sandbox(arguments: argparse.Namespace, benchmark: "Benchmark") -> dict[str, Any] | None:
    """Where programs would run, and why they could not; None if no program would run."""
    from apigauge.harness.evaluation.sandbox_choice import hub_for, names_executed
    from apigauge.sandboxes.environments.find import find, several
    from apigauge.sandboxes.factory import availability

    kind: Literal["auto", "docker", "process", "none"] = arguments.sandbox or "auto"
    if kind == "none" or (arguments.metrics and not names_executed(arguments.metrics)):
        return None
    plan: dict[str, Any] = {
        "kind": kind,
        "environment": several(arguments.environment)[0] if arguments.environment else benchmark.environment,
        "hub": (arguments.hub or ["stand-in"])[0] if benchmark.hub else None,
        "inputs": arguments.inputs or benchmark.inputs,
        "available": False,
    }
    if not plan["environment"]:
        return plan | {"problem": f"{benchmark.name} has no environment to run programs in"}
    try:
        environment = find(plan["environment"], makes=False)
        hub_for(benchmark.hub, arguments.hub, is_opened=False)
        available = availability(kind, environment, accepts_no_isolation=arguments.accept_no_isolation)
        plan |= {"kind": available, "available": True, "problem": ""}
    except SandboxError as error:
        plan["problem"] = str(error)
    return plan


def _cost(prompts: "Sequence[str]", options: "ModelOptions", price: "Price | None") -> dict[str, Any]:
    """The requests for these prompts, and upper bounds of what they cost; cached answers cost nothing."""
    characters = sum(map(len, prompts)) + len(prompts) * len(options.prompting.system)
    prompt_tokens = math.ceil(characters / CHARACTERS_A_TOKEN)
    answer_tokens = len(prompts) * options.sampling.max_new_tokens
    dollars = price.dollars(prompt_tokens, answer_tokens) if price else None
    if price and options.batch:
        dollars = price.batch_dollars(prompt_tokens, answer_tokens)
    return {
        "requests": len(prompts),
        "prompt_characters": characters,
        "prompt_tokens": prompt_tokens,
        "answer_tokens_at_most": answer_tokens,
        "dollars_at_most": dollars,
    }


def _text(plan: dict[str, Any]) -> str:
    """A plan for people."""
    samples = f", {plan['samples']} answers to each" if plan["samples"] > 1 else ""
    note = "" if plan["prompt_is_exact"] else " (without the chat template that the checkpoint may have)"
    lines = [
        f"{plan['benchmark']} by {plan['model']}",
        f"  asks      {plan['items']} items{samples}: {plan['answers']} answers, of which {plan['answered']} exist",
        f"  result    {plan['run']}",
        f"  programs  {_programs_text(plan)}",
        f"  cost      {_cost_text(plan['cost'])}",
        *(["  system prompt:", *_shown(plan["system"])] if plan["system"] else []),
        f"  first prompt{note}:",
        *_shown(plan["first_prompt"]),
    ]
    return "\n".join(lines)


def _shown(prompt: str) -> list[str]:
    """The lines of a prompt's beginning, indented."""
    return [f"    {line}" for line in (prompt[:_SHOWN] + (" ..." if len(prompt) > _SHOWN else "")).splitlines()]


def _programs_text(plan: dict[str, Any]) -> str:
    sandbox = plan["sandbox"]
    if sandbox is None:
        return "none are run"
    hub = f", hub {sandbox['hub']}" if sandbox["hub"] else ""
    state = "available" if sandbox["available"] else f"unavailable: {sandbox['problem']}"
    where = f"sandbox {sandbox['kind']}, environment {sandbox['environment'] or 'none'}{hub}"
    return f"up to {plan['programs_at_most']}, {where}: {state}"


def _cost_text(cost: dict[str, Any]) -> str:
    if not cost["requests"]:
        return "no model is asked"
    dollars = cost["dollars_at_most"]
    price = f"; at most about ${dollars:,.2f}" if dollars is not None else "; --price IN OUT gives dollars"
    return (
        f"{cost['requests']:,} requests; prompts of {cost['prompt_characters']:,} characters, about "
        f"{cost['prompt_tokens']:,} tokens (estimated at {CHARACTERS_A_TOKEN} characters each); answers of at most "
        f"{cost['answer_tokens_at_most']:,} tokens{price}"
    )

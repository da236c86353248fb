"""``apigauge run``: answer benchmarks by models, score the answers."""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.cli.cost import add_cost, check_cost, limits_for
from apigauge.harness.cli.dry_run import add_dry_run, dry_run
from apigauge.harness.cli.live import Profile, add_profile, add_prometheus_port, metrics_served, stages, watched
from apigauge.harness.cli.options import (
    add_common,
    add_engines,
    add_executor,
    add_sandbox,
    add_scoring,
    executor_for,
    metric_modules,
    new_run,
    positive,
    sandbox_for,
)
from apigauge.harness.cli.output import print_summary, progress, say, say_error, summary_json, tell_problems, warn
from apigauge.harness.cli.pairs import Outcome, for_each_pair, run_folder
from apigauge.harness.cli.run_file import add_file, apply_file
from apigauge.harness.cli.versions import environments_of, in_each
from apigauge.harness.executors.engines import open_model
from apigauge.harness.generation.backends import forms
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.retrieved_docs import RETRIEVERS
from apigauge.harness.generation.sampling import Sampling

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.harness.evaluation.usage import Limits
    from apigauge.harness.executors.types import Executor
    from apigauge.harness.generation.types import Generator


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_file(parser)
    add_model(parser)
    add_dry_run(parser)
    add_generation(parser)
    add_cost(parser)
    add_scoring(parser)
    add_sandbox(parser, "auto")
    add_executor(parser)
    add_engines(parser)
    add_prometheus_port(parser)
    add_profile(parser)
    add_common(parser)
    parser.set_defaults(function=partial(run, parser=parser))


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--benchmark``, ``--model``, ``--out`` and ``--limit``."""
    parser.add_argument(
        "--benchmark",
        nargs="+",
        action="extend",
        metavar="NAME_OR_DIR",
        help="one or more of `apigauge benchmarks list`, or folders or archives of your own; every model answers each",
    )
    parser.add_argument("--model", nargs="+", action="extend", metavar="SPEC", help=f"one or more of {forms()}")
    parser.add_argument(
        "--out",
        type=new_run,
        metavar="DIR",
        help="the run's folder or address, such as s3://bucket/mine (default: runs/BENCHMARK-MODEL); of several runs "
        "the folder that gets one for each",
    )
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="only the first N items; a higher N later extends the run"
    )


def add_generation(parser: argparse.ArgumentParser) -> None:
    """The options of ``hf:``, ``vllm:`` and ``openai:``."""
    answers = parser.add_argument_group("answers of hf:, vllm: and openai:")
    answers.add_argument(
        "--prompt",
        default="auto",
        metavar="chat|instruction|FILE",
        help="how a question is put: in the model's chat template (default, if it has one), in the benchmark's own "
        "form, or by a Jinja template of `instruction` and `document`",
    )
    answers.add_argument(
        "--retriever", choices=RETRIEVERS, default="none", help="adds a document of the catalogue to the question"
    )
    answers.add_argument(
        "--max-new-tokens", type=positive, default=512, metavar="N", help="the longest answer, in tokens (512)"
    )
    answers.add_argument("--samples", type=positive, default=1, metavar="N", help="answers to each question (1)")
    answers.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0, the default, is greedy")
    answers.add_argument("--top-p", type=float, default=1.0, metavar="P", help="draw from the likeliest tokens up to P")
    answers.add_argument("--top-k", type=int, default=0, metavar="K", help="draw from the K likeliest tokens")
    answers.add_argument("--seed", type=int, default=0, metavar="N", help="of the draws (0)")
    answers.add_argument("--stop", nargs="+", default=(), metavar="TEXT", help="an answer ends before any of these")
    answers.add_argument(
        "--system", metavar="TEXT|@FILE", help="the system prompt of a chat, or @ and the path of a file that holds it"
    )
    answers.add_argument(
        "--chat-template-arg",
        nargs="+",
        action="extend",
        default=(),
        metavar="NAME=VALUE",
        help="a variable of the chat template, as JSON or plain text: enable_thinking=false; to a server as "
        "chat_template_kwargs",
    )
    answers.add_argument(
        "--cache",
        action="store_true",
        help="openai: take answers of earlier runs, as hf: and vllm: always do; right only while the server keeps its "
        "model, since nothing tells one model behind a name from another",
    )
    answers.add_argument("--no-cache", action="store_true", help="generate every answer anew, and store none")
    local = parser.add_argument_group("checkpoints (hf:, vllm:)")
    local.add_argument("--dtype", default="auto", metavar="TYPE", help="auto, float32, bfloat16 or float16")
    local.add_argument("--device", default="auto", metavar="NAME", help="hf: auto, cpu, cuda, cuda:1, ...")
    local.add_argument("--adapter", metavar="PATH_OR_ID", help="a LoRA adapter (hf: any of PEFT's)")
    local.add_argument("--no-merge", action="store_true", help="hf: keep the adapter apart from the weights")
    local.add_argument(
        "--batch-size",
        type=positive,
        metavar="N",
        help="hf: prompts at once (default: what fits memory, up to 32); with --batch, questions in one batch (50,000)",
    )
    local.add_argument("--tensor-parallel", type=positive, default=1, metavar="N", help="vllm: GPUs for one model")
    local.add_argument("--max-model-len", type=positive, metavar="N", help="vllm: tokens of context to reserve")
    local.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run Python code that comes with a checkpoint, on this machine and with all your rights (off by default)",
    )
    _add_server(parser)


def _add_server(parser: argparse.ArgumentParser) -> None:
    server = parser.add_argument_group("servers (openai:); the key is taken from OPENAI_API_KEY")
    server.add_argument("--base-url", metavar="URL", help="up to and with /v1 (default: $OPENAI_BASE_URL)")
    server.add_argument("--concurrency", type=positive, default=8, metavar="N", help="concurrent requests (8)")
    server.add_argument("--timeout", type=float, default=120.0, metavar="S", help="seconds to wait for an answer (120)")
    server.add_argument(
        "--batch",
        action="store_true",
        help="ask through the server's Batch API: within a day, at half the price; an interrupted command resumes",
    )
    server.add_argument(
        "--requests-per-minute",
        type=positive,
        metavar="N",
        help="send no more requests (default: what the server says)",
    )
    server.add_argument(
        "--tokens-per-minute",
        type=positive,
        metavar="N",
        help="send no more tokens of prompts and answers (default: what the server says)",
    )


def model_options(arguments: argparse.Namespace) -> ModelOptions:
    """What :func:`add_generation` read.

    Raises:
        UsageError: options make no sense.
    """
    if arguments.cache and arguments.no_cache:
        raise UsageError("--cache and --no-cache exclude each other")
    drawn = ("max_new_tokens", "samples", "temperature", "top_p", "top_k", "seed")
    local = ("dtype", "device", "adapter", "batch_size", "tensor_parallel", "max_model_len")
    server = ("base_url", "concurrency", "batch", "requests_per_minute", "tokens_per_minute")
    return ModelOptions(
        Sampling(**{name: getattr(arguments, name) for name in drawn}, stop=tuple(arguments.stop)),
        Prompting(
            arguments.prompt,
            arguments.retriever,
            _system(arguments.system),
            _template_args(arguments.chat_template_arg),
        ),
        cached=False if arguments.no_cache else arguments.cache or None,
        trust_remote_code=arguments.trust_remote_code,
        merge=not arguments.no_merge,
        timeout=arguments.timeout,
        **{name: getattr(arguments, name) for name in (*local, *server)},
    )


def _system(given: str | None) -> str:
    """The system prompt, read from its file if there is one.

    Raises:
        UsageError: the file cannot be read, or the prompt is empty.
    """
    if given is None:
        return ""
    text = given
    if given.startswith("@"):
        try:
            text = Path(given[1:]).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"--system {given}: the file cannot be read: {error}") from error
    if not text.strip():
        raise UsageError(f"--system {given}: is empty; leave it out for none")
    return text


def _template_args(given: Sequence[str]) -> dict[str, Any]:
    """The variables of the chat template: values are JSON; what is none is text.

    Raises:
        UsageError: one of them has no name or no value, or is given twice.
    """
    arguments: dict[str, Any] = {}
    for entry in given:
        name, sign, value = entry.partition("=")
        if not sign or not name.isidentifier():
            raise UsageError(f"--chat-template-arg {entry}: give NAME=VALUE, such as enable_thinking=false")
        if name in arguments:
            raise UsageError(f"--chat-template-arg {name}: is given twice")
        arguments[name] = _json_or_text(value)
    return arguments


def _json_or_text(value: str) -> Any:
    try:
        # NaN and Infinity, which Python's reader takes, are no JSON and could not be sent to a server.
        return json.loads(value, parse_constant=str)
    except (ValueError, RecursionError):
        return {"True": True, "False": False, "None": None}.get(value, value)


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Runs the command."""
    apply_file(parser, arguments)
    check_cost(arguments)
    options, modules = model_options(arguments), metric_modules(arguments.metrics)
    if arguments.dry_run:
        return dry_run(arguments, options, runs_programs=True)

    with executor_for(arguments) as executor, metrics_served(arguments.prometheus_port):

        def work(benchmark: "Benchmark", generator: "Generator") -> Outcome:
            spec = generator.describe()["spec"]
            out = run_folder(arguments, benchmark.name, spec)
            return answer_and_score(
                arguments, benchmark, generator, out, modules, executor, limits_for(arguments, spec)
            )

        def opened(spec: str) -> "Generator":
            return open_model(executor, spec, options, arguments.engines, say)

        return for_each_pair(arguments, opened, work)


def answer_and_score(
    arguments: argparse.Namespace,
    benchmark: "Benchmark",
    generator: "Generator",
    out: Path,
    modules: list[str],
    executor: "Executor",
    limits: "Limits | None" = None,
) -> Outcome:
    """Runs a generator over a benchmark into a run directory; prints the result unless it goes into JSON.

    With several environments the directory gets a run for each, all of the same answers.
    """

    def score(generator: "Generator", folder: Path) -> Outcome:
        return _answer_and_score(arguments, benchmark, generator, folder, modules, executor, limits)

    if len(environments_of(arguments)) > 1:
        return in_each(arguments, generator, out, score)
    return score(generator, out)


def _answer_and_score(
    arguments: argparse.Namespace,
    benchmark: "Benchmark",
    generator: "Generator",
    out: Path,
    modules: list[str],
    executor: "Executor",
    limits: "Limits | None",
) -> Outcome:
    """One run."""
    from apigauge.harness.evaluation.evaluate import evaluate
    from apigauge.harness.evaluation.meter import Meter
    from apigauge.harness.evaluation.usage import Limits

    warn_about_grammar(benchmark.name, modules)
    generator.problems.clear()  # of another benchmark
    total = len(benchmark.items[: arguments.limit]) * generator.samples
    meter = watched(Meter(total, profiles=arguments.profile), out, benchmark.name, generator.describe()["spec"])
    profile = Profile(meter)
    kind = arguments.sandbox or "auto"
    not_run: list[str] = []

    def warn_early(reason: str) -> None:
        warn(reason)
        not_run.append(reason)

    with (
        sandbox_for(benchmark, kind, arguments.metrics, arguments, warn_early, executor) as sandbox,
        progress(f"scoring {benchmark.name}", total, lambda: stages(meter)) as tick,
    ):
        summary = evaluate(
            benchmark,
            generator,
            out,
            modules,
            arguments.limit,
            arguments.workers,
            tick,
            sandbox,
            reasoning=arguments.reasoning or "strip",
            limits=limits or Limits(),
            executor=executor,
            meter=meter,
        )
    tell_problems(summary["problems"])
    if not arguments.json:
        print_summary(out, summary, as_json=False)
        for reason in not_run:  # again, after the result that lacks it
            warn(reason)
        if arguments.profile:
            profile.show()
    result = summary_json(out, summary) | ({"not_run": not_run[0]} if not_run else {})
    result |= {"profile": profile.to_json()} if arguments.profile else {}
    return Outcome(code_of_unanswered(generator), result)


def warn_about_grammar(benchmark: str, modules: list[str]) -> None:
    """Says where ``ast.gorilla`` will not have the grammar that upstream's verdicts on APIBench were made with."""
    from apigauge.benchmarks.apibench import grammar

    if benchmark.startswith("apibench-") and "ast_gorilla" in modules and grammar.find() is None:
        say(
            "apigauge: ast.gorilla reads answers by another grammar than upstream, and 29 of 10,650 verdicts differ; "
            "`apigauge benchmarks grammar` fetches upstream's"
        )


def code_of_unanswered(generator: "Generator") -> int:
    """Says how many answers are missing; the exit code for that."""
    if not generator.unanswered:
        return 0
    say_error(f"{generator.unanswered} answers are missing; the same command requests those alone again")
    return ApigaugeError.exit_code

"""``apigauge benchmarks``: list, show, fetch, grammar, make, check, reproduce."""

import argparse
from pathlib import Path

from apigauge.harness.cli import make_benchmark
from apigauge.harness.cli.options import add_common, add_sandbox, sandbox_for
from apigauge.harness.cli.output import print_json, progress, say
from apigauge.harness.cli.versions import environments_of


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, function, text in (
        ("list", list_all, "every benchmark and whether its data is on this machine"),
        ("show", show, "what a benchmark holds, with a sample item"),
        ("fetch", fetch, "download a benchmark's files and check their digests"),
        ("grammar", grammar, "fetch, with pip, the parser grammar that upstream's verdicts were made with"),
        ("check", check, "feed the references back through every scorer"),
        ("reproduce", reproduce, "the upstream figures, from Gorilla's released answers on all three hubs"),
    ):
        action = actions.add_parser(name, help=text)
        if name == "grammar":
            action.add_argument("file", metavar="WHEEL", nargs="?", type=Path, help="a wheel on this machine")
        elif name not in ("list", "reproduce"):
            action.add_argument("name", metavar="NAME" if name == "fetch" else "NAME_OR_DIR")
        if name == "fetch":
            action.add_argument("file", metavar="FILE", nargs="?", type=Path, help="the published file on this machine")
        if name == "check":
            add_sandbox(action, "none")
        add_common(action)
        action.set_defaults(function=function)
    make_benchmark.declare(actions.add_parser("make", help="a benchmark from an installable package"))


def list_all(arguments: argparse.Namespace) -> int:
    """Names, sizes, and what is missing."""
    from apigauge.benchmarks import load_benchmark, names, own_names
    from apigauge.errors import ApigaugeError

    rows = []
    for name in names():
        try:
            benchmark = load_benchmark(name, arguments.data_dir)
            rows.append({"name": name, "items": len(benchmark.items), "catalogue": len(benchmark.catalogue)})
        except ApigaugeError as error:
            rows.append({"name": name, "missing": str(error)})
    if arguments.json:
        print_json({"benchmarks": rows})
    else:
        for row in rows:
            missing = "not fetched" if row["name"] in own_names() else f"unusable: {row.get('missing')}"
            size = f"{row['items']} items, {row['catalogue']} APIs" if "items" in row else missing
            print(f"{row['name']:24} {size}")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """A benchmark's size, digest and first prompt."""
    from apigauge.benchmarks import load_benchmark

    benchmark = load_benchmark(arguments.name, arguments.data_dir)
    first = benchmark.items[0]
    facts = {
        "name": benchmark.name,
        "version": benchmark.version or None,
        "licence": benchmark.licence or None,
        "digest": benchmark.digest,
        "items": len(benchmark.items),
        "reference_apis": len({item.api for item in benchmark.items}),
        "catalogue": len(benchmark.catalogue),
        "training_items": len(benchmark.train),
        "domains": len({api.domain for api in benchmark.catalogue}),
        "environment": benchmark.environment or None,
    }
    if arguments.json:
        print_json(facts)
        return 0
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):16} {value}")
    print(f"\nitem {first.id}, its prompt:\n\n{benchmark.prompt(first)}\n\nits reference: {first.reference_call}")
    return 0


def fetch(arguments: argparse.Namespace) -> int:
    """Downloads what is missing."""
    from apigauge.benchmarks.apibench.fetch import fetch_hub, files_of
    from apigauge.benchmarks.apibench.grammar import find as find_grammar
    from apigauge.benchmarks.files import cache_dir
    from apigauge.benchmarks.loaders import RECIPES
    from apigauge.errors import UsageError

    if arguments.name in RECIPES:
        return _fetch_published(arguments)
    hub = arguments.name.removeprefix("apibench-")
    if not arguments.name.startswith("apibench-") or not files_of(hub):
        raise UsageError(f"benchmarks fetch {arguments.name}: there is nothing to fetch for this benchmark")
    folder: Path = arguments.data_dir or cache_dir()
    with progress(f"fetching {arguments.name}", len(files_of(hub))) as tick:
        fetched = fetch_hub(hub, folder, tick)
    if find_grammar() is None:
        say("upstream's grammar, for ast.gorilla, is not installed: `apigauge benchmarks grammar` fetches it")
    if arguments.json:
        print_json({"folder": str(folder), "fetched": fetched})
    else:
        say(f"{folder} has all files of {arguments.name} ({len(fetched)} fetched now)")
    return 0


def _fetch_published(arguments: argparse.Namespace) -> int:
    """Downloads the file that a benchmark of the field is made from."""
    from apigauge.benchmarks.files import cache_dir
    from apigauge.benchmarks.loaders.fetch import fetch as fetch_published

    folder: Path = arguments.data_dir or cache_dir()
    fetched = fetch_published(arguments.name, folder, arguments.file)
    if arguments.json:
        print_json({"folder": str(folder), "fetched": fetched})
    else:
        say(f"{folder} has all files of {arguments.name} ({len(fetched)} fetched now)")
    return 0


def grammar(arguments: argparse.Namespace) -> int:
    """Installs upstream's grammar where ``ast.gorilla`` looks for it."""
    from apigauge.benchmarks.apibench.grammar import fetch as fetch_grammar

    path = fetch_grammar(arguments.file)
    if arguments.json:
        print_json({"file": str(path)})
    else:
        say(f"{path} has the grammar of ast.gorilla")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Prints what the references themselves score, and what is wrong with the data."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.audit.benchmark_audit import check_benchmark

    benchmark = load_benchmark(arguments.name, arguments.data_dir)
    reports, environments = [], environments_of(arguments)
    for environment in environments or (None,):
        arguments.environment = environment
        with (
            sandbox_for(benchmark, arguments.sandbox or "none", None, arguments) as sandbox,
            progress(f"checking {benchmark.name}", (3 if sandbox else 2) * len(benchmark.rows)) as tick,
        ):
            report = check_benchmark(benchmark, tick, sandbox)
        if not arguments.json:
            print(f"in {environment}\n" if len(environments) > 1 else "", report.to_text(), sep="")
        reports.append(report.to_json())
    if arguments.json:
        several = [{"environment": name} | one for name, one in zip(environments or (None,), reports, strict=True)]
        print_json({"environments": several} if len(several) > 1 else reports[0])
    return 0


def reproduce(arguments: argparse.Namespace) -> int:
    """Prints one line per released file: upstream's accuracy and hallucination, and ours."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.benchmarks.apibench import HUBS
    from apigauge.benchmarks.files import find
    from apigauge.harness.audit.reproduce import released

    rows = []
    with progress("scoring the released answers", None) as tick:
        for hub in HUBS:
            name = f"apibench-{hub}"
            folder = find(f"responses/response_{hub}_Gorilla_FT_0_shot.jsonl", arguments.data_dir, name).parent
            for row in released(load_benchmark(name, arguments.data_dir), folder):
                rows.append(row)
                tick()
    if arguments.json:
        print_json({"files": [row._asdict() for row in rows]})
        return 0
    print(f"{'answers':46} {'ast.gorilla':>11} {'hall.gorilla':>12} {'ast.exact':>9} {'ast.domain':>10} {'hall.':>7}")
    for row in rows:
        figures = (row.accuracy, row.hallucination_gorilla, row.exact, row.domain, row.hallucination)
        widths = (11, 12, 9, 10, 7)
        line = " ".join(f"{value:{width}.4f}" for value, width in zip(figures, widths, strict=True))
        print(f"{row.file.removeprefix('response_').removesuffix('.jsonl'):46} {line}")
    return 0

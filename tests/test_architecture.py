"""Who may import whom, and what the command line may load."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "harness", "reports", "sandboxes")
# What imports nothing of ours, so that every folder may use it.
SHARED = {"errors", "extensions", "file_formats"}
ALLOWED = {
    "benchmarks": {"benchmarks"} | SHARED,
    "sandboxes": {"sandboxes"} | SHARED,
    "harness": {"harness", "benchmarks", "sandboxes", "reports", "__version__"} | SHARED,
    "reports": {"reports", "harness"} | SHARED,
}
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def is_package(module):
    return module == "apigauge" or (ROOT / "src" / module.replace(".", "/") / "__init__.py").is_file()


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if is_package(node.module) else [node.module]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name)


def ours(path):
    return {tuple(name.split(".")[1:]) for name in imported(path) if name.split(".")[0] == "apigauge"}


# Each floor uses lower ones only; rooms on one floor do not use each other.
FLOORS = (
    {"harness/extraction", "harness/generation"},
    {"harness/executors"},
    {"harness/metrics"},
    {"harness/statistics"},
    {"harness/evaluation"},
    {"harness/readers"},
    {"harness/comparison", "harness/audit"},
    {"harness/gate"},
    {"harness/cli"},
    {"harness/plugins"},
)
ROOMS = {room: floor for floor, rooms in enumerate(FLOORS, 1) for room in rooms}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_imports_only_what_it_may(path):
    folder = path.relative_to(ROOT).parts[0]
    assert {name[0] for name in ours(path)} <= ALLOWED[folder]


def room(name):
    """The room of a module of the harness; None for what stands outside."""
    return "/".join(name[:2]) if name[0] == "harness" and len(name) > 1 else None


@pytest.mark.parametrize("path", [path for path in FILES if path.is_relative_to(ROOT / "harness")], ids=str)
def test_rooms_of_the_harness_import_only_lower_floors(path):
    here = "/".join(path.relative_to(ROOT).parts[:2])
    if path == ROOT / "harness" / "__init__.py":
        return
    for name in ours(path):
        assert name != ("harness",), f"{path}: import the module, not the room"
        if (other := room(name)) and other != here:
            assert ROOMS[other] < ROOMS[here], f"{here} (floor {ROOMS[here]}) uses {other} (floor {ROOMS[other]})"


def test_every_folder_of_the_harness_is_a_room():
    assert {f"harness/{path.name}" for path in (ROOT / "harness").iterdir() if (path / "__init__.py").exists()} == set(
        ROOMS
    )
    assert [path.name for path in (ROOT / "harness").glob("*.py")] == ["__init__.py"]


def test_pages_use_of_the_harness_only_the_table_of_metrics_and_statistics():
    """Ranks and correlations are of the runs on a page, so that nobody else can compute them for it."""
    used = {
        ".".join(name) for p in FILES if p.is_relative_to(ROOT / "reports") for name in ours(p) if name[0] == "harness"
    }
    assert used <= {
        "harness.metrics.table",
        "harness.statistics.all_pairs",
        "harness.statistics.intervals",
        "harness.statistics.rank_correlation",
        "harness.statistics.significance",
    }


def test_only_the_commands_of_the_harness_that_write_pages_import_reports():
    importers = {
        str(p.relative_to(ROOT))
        for p in FILES
        if p.is_relative_to(ROOT / "harness") and "reports" in {n[0] for n in ours(p)}
    }
    commands = {f"harness/cli/{name}.py" for name in ("compare", "report", "report_views", "stored_answers")}
    assert importers == {*commands, "harness/plugins/rlaif/report.py"}


def test_imports_have_no_cycles():
    """Neither at module level nor inside functions."""
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in FILES}
    edges = {}
    for module, path in modules.items():
        uses = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("apigauge."):
                base = node.module.removeprefix("apigauge.")
                submodules = {f"{base}.{alias.name}" for alias in node.names} & modules.keys()
                uses |= submodules
                if len(submodules) < len(node.names):
                    uses |= {base} & modules.keys()
        edges[module] = uses - {module}
    done, active = set(), []

    def visit(module):
        assert module not in active, " -> ".join([*active, module])
        if module not in done:
            active.append(module)
            for other in sorted(edges[module]):
                visit(other)
            active.pop()
            done.add(module)

    for module in sorted(edges):
        visit(module)
    assert done == modules.keys()


def test_the_four_folders_are_linked_into_the_package():
    for folder in FOLDERS:
        link = ROOT / "src" / "apigauge" / folder
        assert link.is_symlink()
        assert link.resolve() == ROOT / folder


def test_files_and_functions_stay_small():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"


def test_the_package_never_names_the_data_folder_of_the_tests():
    for path in FILES:
        assert not re.search(r"\bshared/", path.read_text(encoding="utf-8")), path

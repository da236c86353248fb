"""Who may import whom, and what the command line may load."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "harness", "reports", "sandboxes")
ALLOWED = {
    "benchmarks": {"benchmarks", "errors"},
    "sandboxes": {"sandboxes", "errors"},
    "harness": {"harness", "benchmarks", "sandboxes", "reports", "errors", "__version__"},
    "reports": {"reports", "errors"},
}
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module] if node.module != "apigauge" else [f"apigauge.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name)


def ours(path):
    return {tuple(name.split(".")[1:]) for name in imported(path) if name.split(".")[0] == "apigauge"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_imports_only_what_it_may(path):
    folder = path.relative_to(ROOT).parts[0]
    assert {name[0] for name in ours(path)} <= ALLOWED[folder]


def test_only_the_commands_of_the_harness_that_write_pages_import_reports():
    importers = {
        str(p.relative_to(ROOT))
        for p in FILES
        if p.is_relative_to(ROOT / "harness") and "reports" in {n[0] for n in ours(p)}
    }
    assert importers == {"harness/cli/report.py", "harness/cli/compare.py", "harness/plugins/rlaif/report.py"}


def test_imports_have_no_cycles():
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in FILES}
    # Imports inside functions are made late on purpose and cannot form a cycle at import time.
    edges = {}
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("apigauge."):
                base = node.module.removeprefix("apigauge.")
                found |= {base, *(f"{base}.{alias.name}" for alias in node.names)} & modules.keys()
        edges[module] = found - {module}
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

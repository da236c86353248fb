"""Plugins of installed packages: what they add, and that a fault of one does not affect anything else.

Each test installs packages into a folder on the path (a module, and the folder that pip would write) and runs the
command line in a separate process.
"""

import inspect
import subprocess
import sys

import pytest
from plugin_packages import Packages

from apigauge import extensions
from apigauge.errors import PluginError
from apigauge.harness.plugins import hookimpl, spec
from apigauge.harness.plugins.faults import Plugin, describe

GOOD = """
    from apigauge.harness.plugins import hookimpl

    @hookimpl
    def apigauge_commands(commands):
        commands.add_parser("NAME", help="added by a package").set_defaults(function=run)

    def run(arguments):
        print("done by", __name__)
        return 7
"""


@pytest.fixture
def packages(tmp_path):
    """An empty folder, to which a good package is added; which a fault of another must not affect."""
    packages = Packages(tmp_path)
    packages.add("zebra", GOOD.replace("NAME", "zebra"))
    return packages


def check_the_rest_works(packages):
    """The other plugin and our own are there, and commands have their own exit codes."""
    listing = packages.apigauge("--help")
    assert listing.code == 0
    assert "\n    zebra " in listing.out
    assert "\n    rlaif " in listing.out
    zebra = packages.apigauge("zebra")
    assert (zebra.code, zebra.out) == (7, "done by zebra\n")
    ours = packages.apigauge("rlaif", "sft", "--help")
    assert ours.code == 0
    assert "RECIPE" in ours.out


def only_line(text):
    (line,) = text.splitlines()
    return line


# The source of a broken plugin, and what the line that names it says behind "is left out: ".
FAULTS = {
    "import error": (
        "import os\nimport no_such_library",
        "ModuleNotFoundError: No module named 'no_such_library' ({file}:2;",
    ),
    "syntax error": ("x = 1\ndef f(:\n    pass", "SyntaxError: invalid syntax ({file}:2;"),
    "exit while importing": ("import sys\nsys.exit(3)", "SystemExit: 3 ({file}:2;"),
    "error without a message": ("def f():\n    raise KeyError\nf()", "KeyError ({file}:2;"),
    "error of several lines": ("raise ValueError('first\\nsecond')", "ValueError: first ({file}:1;"),
    "error that cannot be printed": (
        "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd",
        "Odd ({file}:4;",
    ),
    "unknown hook": (
        "from apigauge.harness.plugins import hookimpl\n@hookimpl\ndef something_else(commands): pass",
        "function something_else ({file}:2) is no hook; the hooks are: apigauge_backends, apigauge_benchmarks, apigauge_commands, ",
    ),
    "misspelt hook": (
        "from apigauge.harness.plugins import hookimpl\n@hookimpl\ndef apigauge_comands(commands): pass",
        "function apigauge_comands ({file}:2) is no hook; did you mean apigauge_commands?",
    ),
    "misspelt hook without a mark": (
        "def apigauge_command(commands): pass",
        "function apigauge_command ({file}:1) is no hook; did you mean apigauge_commands?",
    ),
    "misspelt name for a hook": (
        "from apigauge.harness.plugins import hookimpl\n@hookimpl(specname='apigauge_comands')\ndef add(commands): pass",
        "function add ({file}:2) is no hook; did you mean apigauge_commands?",
    ),
    "hook without a mark": (
        "def apigauge_commands(commands): pass",
        "function apigauge_commands ({file}:1) is not marked as a hook; put @hookimpl above it",
    ),
    **{
        f"wrong parameters: {parameters}": (
            f"from apigauge.harness.plugins import hookimpl\n@hookimpl\ndef apigauge_commands({parameters}): pass",
            "function apigauge_commands ({file}:2) has other parameters than the hook apigauge_commands(commands)",
        )
        for parameters in ("parser", "commands, more", "*, commands", "commands=None", "commands, *, more")
    },
    "raising hook": (
        "from apigauge.harness.plugins import hookimpl\n@hookimpl\ndef apigauge_commands(commands):\n    1 / 0",
        "ZeroDivisionError: division by zero ({file}:4;",
    ),
    "exiting hook": (
        "from apigauge.harness.plugins import hookimpl\n@hookimpl\ndef apigauge_commands(commands):\n    raise SystemExit(5)",
        "SystemExit: 5 ({file}:4;",
    ),
}


@pytest.mark.parametrize(("source", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_broken_plugin_is_named_and_does_not_affect_the_rest(packages, source, problem):
    file = packages.add("broken-thing", source, version="2.5")
    line = only_line(packages.apigauge("benchmarks", "list").err)
    start = "apigauge: plugin 'broken-thing-plugin' of broken-thing 2.5 is left out: "
    assert line.startswith(start + problem.format(file=file)), line
    check_the_rest_works(packages)


def test_a_plugin_whose_module_does_not_exist_is_named_with_its_entry_point(packages):
    packages.add("broken", "", entry_points="[apigauge]\none = broken.nowhere\ntwo = broken:nothing\n")
    one, two = packages.apigauge("benchmarks", "list").err.splitlines()
    assert "plugin 'one' of broken 1.0 is left out: ModuleNotFoundError" in one
    assert "(entry point broken.nowhere;" in one
    assert "plugin 'two' of broken 1.0 is left out: AttributeError" in two
    check_the_rest_works(packages)


def test_a_damaged_list_of_another_package_is_passed_over(packages):
    packages.add("a-stranger", "", entry_points="[console_scripts]\nno equals sign\n")
    packages.add("another", "", entry_points="[apigauge]\n").parent.joinpath(
        "another-1.0.dist-info", "entry_points.txt"
    ).write_bytes(b"\xff\xfe[apigauge]")
    assert packages.apigauge("benchmarks", "list").err == ""
    check_the_rest_works(packages)


def test_a_hook_that_raises_half_way_adds_nothing(packages):
    packages.add("broken", GOOD.replace("NAME", "half") + "\n").write_text(
        "from apigauge.harness.plugins import hookimpl\n@hookimpl\ndef apigauge_commands(commands):\n"
        "    commands.add_parser('half', help='half')\n    commands.choices.clear()\n    raise ValueError('no')\n"
    )
    listing = packages.apigauge("--help")
    assert "ValueError: no" in listing.err
    assert "half" not in listing.out
    check_the_rest_works(packages)


def test_a_help_text_that_argparse_cannot_format_does_not_break_the_list_of_commands(packages):
    packages.add("broken", GOOD.replace("NAME", "faster").replace("added by a package", "50 % faster"))
    listing = packages.apigauge("--help")
    assert "plugin 'broken-plugin' of broken 1.0 is left out" in listing.err
    assert "faster" not in listing.out
    check_the_rest_works(packages)


def test_of_two_plugins_with_one_command_the_first_keeps_it(packages):
    second = GOOD.replace("@hookimpl\n", "@hookimpl\n", 1).replace("NAME", "zebra").replace("= run", "= run")
    file = packages.add("zoo", second)
    file.write_text(
        file.read_text().replace(
            "commands.add_parser",
            "commands.add_parser('zoo', help='own').set_defaults(function=run)\n    commands.add_parser",
        )
    )
    line = only_line(packages.apigauge("benchmarks", "list").err)
    assert line == "apigauge: plugin 'zoo-plugin' of zoo 1.0 is left out: there is already a command 'zebra'"
    assert packages.apigauge("--help").out.count("\n    zebra ") == 1
    # Its other command has an unused name.
    assert packages.apigauge("zoo").out == "done by zoo\n"
    check_the_rest_works(packages)


@pytest.mark.parametrize("name", ["benchmarks", "rlaif"])
def test_no_plugin_replaces_a_command_of_apigauge(packages, name):
    """Not by its name, not by an alias, and not by what it does to the list that it gets."""
    by_name = GOOD.replace("NAME", name)
    packages.add("a-name", by_name)
    packages.add("an-alias", by_name.replace(f'"{name}", ', f'"other", aliases=["{name}"], '))
    packages.add(
        "by-hand",
        by_name.replace(
            f'commands.add_parser("{name}", ', f'commands.choices["{name}"] = commands.add_parser("mine", '
        ),
    )
    errors = packages.apigauge("benchmarks", "list").err.splitlines()
    assert len(errors) == 3
    assert all(error.endswith(f"there is already a command '{name}'") for error in errors)
    assert "other" not in packages.apigauge("--help").out
    check_the_rest_works(packages)


def test_two_entry_points_of_one_name_both_work(packages):
    packages.add("lion", GOOD.replace("NAME", "lion"), entry_points="[apigauge]\nzebra-plugin = lion\n")
    assert packages.apigauge("lion").out == "done by lion\n"
    check_the_rest_works(packages)


def test_a_package_that_is_on_the_path_twice_counts_once(packages):
    packages.add("lion", GOOD.replace("NAME", "lion"))
    packages.add("lion", GOOD.replace("NAME", "lion"), version="0.9")
    assert packages.apigauge("lion") == (7, "done by lion\n", "")


def test_a_plugin_may_be_an_object_and_leave_parameters_out(packages):
    packages.add(
        "lion",
        """
        import sys
        from apigauge.harness.plugins import hookimpl

        class Lion:
            @hookimpl
            def apigauge_commands(self):
                print("called", file=sys.stderr)

        lion = Lion()
        """,
        entry_points="[apigauge]\nlion = lion:lion\n",
    )
    assert packages.apigauge("benchmarks", "list").err == "called\n"


def test_what_a_plugin_prints_while_it_is_loaded_does_not_mix_with_a_commands_output(packages):
    quiet = packages.apigauge("benchmarks", "list")
    packages.add(
        "loud",
        "print('hello')\n"
        + inspect.cleandoc(GOOD.replace("NAME", "loud")).replace("    commands", "    print('again')\n    commands"),
    )
    loud = packages.apigauge("benchmarks", "list")
    assert (loud.out, loud.err) == (quiet.out, "hello\nagain\n")


@pytest.mark.parametrize("environment", [{}, {"APIGAUGE_VERBOSE": "1"}], ids=["plain", "verbose"])
def test_the_traceback_of_a_fault_is_shown_on_request(packages, environment):
    packages.add("broken", "raise ValueError('no')")
    errors = packages.apigauge("benchmarks", "list", **environment).err
    assert ("Traceback" in errors) == bool(environment)
    assert ("APIGAUGE_VERBOSE=1 shows the traceback" in errors) != bool(environment)


RAISING = """
    from apigauge.errors import DataError
    from apigauge.harness.plugins import hookimpl

    @hookimpl
    def apigauge_commands(commands):
        parser = commands.add_parser("lion", help="raises")
        for name, function in FUNCTIONS.items():
            parser.add_subparsers() if not parser._subparsers else None
            nested = parser._subparsers._group_actions[0].add_parser(name)
            if function:
                nested.set_defaults(function=function)

    def broken(arguments):
        return {}["missing"]

    def known(arguments):
        raise DataError("no data here; fetch it")

    def exits(arguments):
        raise SystemExit(9)

    FUNCTIONS = {"broken": broken, "known": known, "exits": exits, "nothing": lambda arguments: None, "empty": None}
"""
PLUGIN = "apigauge: plugin 'lion-plugin' of lion 1.0: "


def test_a_command_that_raises_names_its_plugin_and_ends_with_4(packages):
    file = packages.add("lion", RAISING)
    line = file.read_text().splitlines().index('    return {}["missing"]') + 1
    code, out, err = packages.apigauge("lion", "broken")
    assert (code, out) == (4, "")
    assert only_line(err) == f"{PLUGIN}KeyError: 'missing' ({file}:{line}; APIGAUGE_VERBOSE=1 shows the traceback)"
    verbose = packages.apigauge("lion", "broken", APIGAUGE_VERBOSE="1")
    assert verbose.code == 4
    assert "Traceback" in verbose.err


def test_other_ends_of_a_plugins_command(packages):
    packages.add("lion", RAISING)
    assert packages.apigauge("lion", "known") == (4, "", "apigauge: no data here; fetch it\n")
    assert packages.apigauge("lion", "exits") == (9, "", "")
    nothing = packages.apigauge("lion", "nothing")
    assert nothing.code == 4
    assert only_line(nothing.err).startswith(f"{PLUGIN}TypeError: the command returned None, not an exit code (")
    empty = packages.apigauge("lion", "empty")
    assert empty.code == 4
    assert only_line(empty.err).startswith(f"{PLUGIN}TypeError: the command has no function")


def test_the_surface_is_functions_with_documentation_and_no_code():
    hooks = {name for name, value in vars(spec).items() if hasattr(value, "apigauge_spec")}
    assert hooks == {"apigauge_commands", *(f"apigauge_{kind}" for kind in extensions.KINDS)}
    for name in hooks:
        function = getattr(spec, name)
        assert function.__doc__
        assert function(**dict.fromkeys(inspect.signature(function).parameters)) is None
    assert hookimpl is spec.hookimpl


def test_a_fault_of_the_hooks_is_described_by_its_message_alone():
    plugin = Plugin("lion", "lion 1.0", "zoo.lion:thing")
    assert plugin.package == "zoo"
    assert describe(plugin, PluginError("no hook"), verbose=True) == "no hook"


def test_the_commands_of_plugins_load_no_heavy_library():
    """What ``--help`` imports with all plugins of apigauge itself."""
    program = """
import contextlib, sys
from apigauge.__main__ import main
with contextlib.suppress(SystemExit):
    main(["--help"])
print(*sys.modules, file=sys.stderr)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "rlaif" in finished.stdout
    modules = set(finished.stderr.split())
    assert "apigauge.harness.plugins.rlaif.command" in modules
    heavy = {
        "torch",
        "transformers",
        "trl",
        "datasets",
        "numpy",
        "scipy",
        "pandas",
        "httpx",
        "docker",
        "jinja2",
        "libcst",
    }
    assert not modules & (heavy | {"tree_sitter", "rich", "asyncio", "difflib", "tomllib"})
    ours = {name.rpartition(".")[2] for name in modules if name.startswith("apigauge.harness.plugins.rlaif.")}
    assert ours == {"command", "options", "quality_command"}

"""The `codebleu` package on the same trees: replacements for some of its functions."""

import logging


class OrderedSet(dict):
    """As much of a set as the package uses, in the order of its members."""

    def __init__(self, members=()):
        super().__init__(dict.fromkeys(members))

    def add(self, member):
        self[member] = None


def replacements():
    """Module, name, value: the pinned grammar, comments taken out as ours are, sets in order, no warnings.

    Without the sets the package's value depends on the process's hash seed.
    """
    import codebleu.codebleu
    import codebleu.dataflow_match
    import codebleu.parser.DFG
    import tree_sitter_python
    from tree_sitter import Language

    from apigauge.harness.metrics.codebleu import stripped

    language = Language(tree_sitter_python.language())
    yield codebleu.codebleu, "get_tree_sitter_language", lambda _: language
    for module in (codebleu.syntax_match, codebleu.dataflow_match):
        yield module, "remove_comments_and_docstrings", lambda code, _: stripped(code)
    for module in (codebleu.dataflow_match, codebleu.parser.DFG):
        yield module, "set", OrderedSet
    yield logging, "warning", lambda *_: None

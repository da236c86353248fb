"""The paths that a program's text contains, and what the program does with them, without running it."""

import ast
import posixpath
import re
import sys
from collections.abc import Iterator

_MAX_DEPTH = 20
_MAX_LENGTH = 1_000
_JOINS = frozenset({"join", "joinpath"})
_PATHS = frozenset({"Path", "PosixPath", "PurePath", "abspath", "expanduser", "fspath", "normpath", "realpath", "str"})
# Calls that write to the path in their arguments.
_WRITES = re.compile(
    r"(?:save|write|export|dump|download)\w*|(?:im|mim|mv|v)(?:save|write)\w*|urlretrieve|tofile|\w+_to_file|"
    r"to_(?:csv|excel|feather|hdf|html|json|latex|markdown|parquet|pickle|sql|string|xml)|VideoWriter|touch|unlink|remove"
)
_WRITTEN_KEYWORD = re.compile(r"out|save|dest|dst")
_OPENS = frozenset({"SoundFile", "TarFile", "ZipFile", "open"})
# Calls that neither read nor write, so do not show what a path is for.
_NEUTRAL = frozenset(
    {"basename", "debug", "dirname", "display", "error", "exists", "format", "info", "isfile", "lexists"}
)
_NEUTRAL |= {"append", "endswith", "lower", "print", "replace", "split", "splitext", "startswith", "strip", "warning"}
_MAKES_FOLDER = frozenset({"makedirs", "mkdir"})
_LISTS = frozenset({"glob", "iglob", "iterdir", "listdir", "rglob", "scandir", "walk"})
# Of these, those whose argument is a pattern: without a wildcard, it is a file's name.
_PATTERNS, _WILDCARD = frozenset({"glob", "iglob", "rglob"}), re.compile(r"[*?[]")
# Calls that expect a subfolder for each class.
_LISTS_CLASSES = frozenset({"DatasetFolder", "ImageFolder", "flow_from_directory", "image_dataset_from_directory"})
# Calls that take a model's address.
_LOADS = re.compile(r"from_pretrained|from_hparams|hf_hub_download|load_dataset|load_from_hub|snapshot_download")


class Literals:
    """A program's paths.

    Attributes:
        texts: every string whose whole value is in the text, literally or put together from literals.
        parts: literals to which something is added that is only known when the program runs.
        made: folders that it makes itself and that must not exist.
        models: strings that it passes to a hub's loaders.
        data_sets: those of them that it loads as a data set.
        listed: folders and patterns that it lists, and whether it expects a subfolder for each class.
    """

    def __init__(self, tree: ast.AST) -> None:
        self.texts: set[str] = set()
        self.parts: set[str] = set()
        self.made: set[str] = set()
        self.models: set[str] = set()
        self.data_sets: set[str] = set()
        self.listed: dict[str, bool] = {}
        self._written: dict[str, tuple[int, int]] = {}
        self._read: dict[str, tuple[int, int]] = {}
        self._values = _assigned_once(tree)
        self._text_of_name: dict[str, str | None] = {}
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            if (text := self._text(node)) is not None:
                self.texts.add(text)
                continue
            if isinstance(node, ast.Call):
                self._call(node)
            waiting += self._below(node)

    @property
    def written(self) -> set[str]:
        """Paths that the program writes before it reads them, if it does; asking whether they exist is neither."""
        never = (sys.maxsize, 0)
        return {path for path, place in self._written.items() if place < self._read.get(path, never)}

    def _below(self, node: ast.AST) -> Iterator[ast.AST]:
        """The children of a node, itself not a text, that may contain paths."""
        if isinstance(node, ast.Dict):
            yield from node.values
            return
        together = isinstance(node, ast.JoinedStr | ast.BinOp)
        together |= isinstance(node, ast.Call) and _name(node.func) in _JOINS
        column = node.slice if isinstance(node, ast.Subscript) else None
        for child in ast.iter_child_nodes(node):
            if together and (part := self._text(child)) is not None:
                self.parts.add(part)
            elif child is not column:
                yield child

    def _call(self, node: ast.Call) -> None:
        name = _name(node.func)
        if isinstance(node.func, ast.Attribute) and (path := self._text(node.func.value)) is not None:
            self._method(node, name, path)
        arguments: list[tuple[str | None, ast.expr]] = [(None, argument) for argument in node.args]
        arguments += [(keyword.arg, keyword.value) for keyword in node.keywords]
        for place, (keyword, value) in enumerate(arguments):
            if (path := self._text(value)) is not None:
                self._use(node, name, path, place, keyword or "")

    def _method(self, node: ast.Call, name: str, path: str) -> None:
        """A method of the path itself."""
        if name in _MAKES_FOLDER:
            self._makes(node, path)
        elif name in _LISTS:
            pattern = (self._text(node.args[0]) if node.args else None) or "*"
            if name in _PATTERNS and not _WILDCARD.search(pattern):
                _note(self._read, posixpath.join(path, pattern), node)
            else:
                self.listed[posixpath.join(path, pattern)] = False
        elif _WRITES.fullmatch(name):
            _note(self._written, path, node)

    def _use(self, node: ast.Call, name: str, path: str, place: int, keyword: str) -> None:
        """A path as a call's argument."""
        if name in _NEUTRAL:
            return
        if name in _MAKES_FOLDER:
            self._makes(node, path)
        elif name in _PATTERNS and place == 0 and not _WILDCARD.search(path):
            _note(self._read, path, node)
        elif name in _LISTS | _LISTS_CLASSES and place == 0:
            self.listed[path] = name in _LISTS_CLASSES
        elif _LOADS.fullmatch(name):
            self.models.add(path)
            if name == "load_dataset" and (place == 0 or keyword == "path"):
                self.data_sets.add(path)
        elif (
            _WRITES.fullmatch(name) or _WRITTEN_KEYWORD.search(keyword) or (place == 0 and _opens_to_write(node, name))
        ):
            _note(self._written, path, node)
        else:
            _note(self._read, path, node)

    def _makes(self, node: ast.Call, path: str) -> None:
        if not any(keyword.arg == "exist_ok" for keyword in node.keywords):
            self.made.add(posixpath.normpath(path))

    def _text(self, node: ast.AST, depth: int = 0) -> str | None:
        """The text that an expression always evaluates to; None if that cannot be determined."""
        if depth > _MAX_DEPTH:
            return None
        match node:
            case ast.Constant(value=str(text)):
                return text if len(text) <= _MAX_LENGTH else None
            case ast.Name(id=name) if name in self._values:
                if name not in self._text_of_name:
                    self._text_of_name[name] = None  # meanwhile, in case the name's value refers to itself
                    self._text_of_name[name] = self._text(self._values[name], depth + 1)
                return self._text_of_name[name]
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self._text(value, depth + 1)
            case ast.JoinedStr(values=values):
                texts = self._texts(values, depth)
                return None if texts is None else "".join(texts)
            case ast.BinOp(left=left, right=right, op=ast.Add()):
                texts = self._texts([left, right], depth)
                return None if texts is None else "".join(texts)
            case ast.BinOp(left=left, right=right, op=ast.Div()):
                return self._joined([left, right], depth)
            case ast.Call(func=ast.Attribute(value=first, attr="joinpath"), args=rest, keywords=[]):
                return self._joined([first, *rest], depth)
            case ast.Call(func=function, args=[_, *_] as parts, keywords=[]) if _puts_together(function):
                return self._joined(parts, depth)
        return None

    def _texts(self, nodes: list[ast.expr], depth: int) -> list[str] | None:
        texts = []
        for node in nodes:
            text = self._text(node, depth + 1)
            if text is None:
                return None
            texts.append(text)
        return texts if sum(map(len, texts)) <= _MAX_LENGTH else None

    def _joined(self, nodes: list[ast.expr], depth: int) -> str | None:
        texts = self._texts(nodes, depth)
        return None if texts is None else posixpath.join(*texts)


def _name(function: ast.expr) -> str:
    """The last part of the called function's name."""
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))


def _note(uses: dict[str, tuple[int, int]], path: str, node: ast.Call) -> None:
    """Records where a path is first used."""
    place = (node.lineno, node.col_offset)
    uses[path] = min(place, uses.get(path, place))


def _puts_together(function: ast.expr) -> bool:
    """Whether this function joins its arguments to a path (``str.join`` does not)."""
    name = _name(function)
    if name == "join":
        return isinstance(function, ast.Name) or _name(getattr(function, "value", function)) == "path"
    return name in _PATHS


def _opens_to_write(node: ast.Call, name: str) -> bool:
    if name not in _OPENS:
        return False
    modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"] + node.args[1:2]
    return any(isinstance(mode, ast.Constant) and str(mode.value)[:1] in tuple("wax") for mode in modes)


def _assigned_once(tree: ast.AST) -> dict[str, ast.expr]:
    """The values of names that are assigned exactly once in the whole program."""
    stores: dict[str, int] = {}
    values: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            stores[node.id] = stores.get(node.id, 0) + 1
        elif isinstance(node, ast.arg):
            stores[node.arg] = stores.get(node.arg, 0) + 1
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
    return {name: value for name, value in values.items() if stores.get(name) == 1}

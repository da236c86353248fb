"""The plain way: one answer after the other through the packages and a straight copy of the upstream rules.

What `make bench` compares with, and an independent second writing of `ast.gorilla`: it follows the prose in the data's
README step by step, without any of the shortcuts of harness/metrics/ast_gorilla.py.
"""

from apigauge.harness.metrics.ast_gorilla import upstream_parser


def text(node):
    return node.text.decode("utf-8", "replace")


class PlainGorilla:
    def __init__(self, hub, catalogue):
        self.hub = hub
        self.parser = upstream_parser()
        self.catalogue = [(row.call, row.domain) for row in catalogue]
        self.parsed = [self.parse(call) for call, _ in self.catalogue]

    def parse(self, source):
        return self.parser.parse(source.encode("utf-8", "surrogatepass")).root_node

    def nodes(self, root):
        visited, stack = [], [root]
        while stack:
            node = stack.pop()
            visited.append(node)
            stack += [child for child in node.children if child.children]
        return visited

    def arguments(self, node):
        arguments = []
        for child in node.children:
            source = text(child)
            if self.hub == "torchhub":
                if "repo_or_dir" in source or "model" in source:
                    arguments.append(text(child.children[2]))
            elif child.type in ("(", ")", ","):
                continue
            elif "=" in source if self.hub == "huggingface" else ("model=" in source or "model =" in source):
                arguments.append(text(child.children[2]))
            else:
                arguments.append(source)
        return arguments

    def judge(self, answer, domain):
        pieces = answer.split("api_call")
        if len(pieces) == 1:
            if self.hub == "torchhub":
                return "wrong", -1
            source = answer
        else:
            section = pieces[1].split("api_provider")[0]
            start = section.index(":") if ":" in section else 0
            end = section.rindex(")") if ")" in section else -2
            source = section[start + 2 : end + 1]
        visited = self.nodes(self.parse(source))
        for index, (root, (_, row_domain)) in enumerate(zip(self.parsed, self.catalogue, strict=True)):
            call = root.children[0].children[0]
            if not call.children:
                continue
            name = text(call.children[0])
            for node in visited:
                if node.children and text(node.children[0]) == name:
                    break
            arguments = self.arguments(call.children[1])
            if arguments and all(argument.strip("'") in text(node) for argument in arguments):
                return ("correct" if row_domain == domain else "wrong"), index
        return "hallucination", -1

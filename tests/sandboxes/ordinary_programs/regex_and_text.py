# callee: re.compile
import difflib
import re
import string
import textwrap

pattern = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)", re.ASCII)
for match in pattern.finditer("2020-01 and 2021-12"):
    print(match.groupdict(), match.span("month"))
print(pattern, pattern.sub(lambda m: m["month"], "in 1999-05"), re.split(r"[,;]\s*", "a, b;c"))
try:
    re.compile("(unclosed")
except re.error as error:
    print(error, error.pos)
print(textwrap.fill("the quick brown fox jumps over the lazy dog", 20, initial_indent="* "))
print(string.Template("$who likes $what").safe_substitute(who="tim"), string.capwords("hello big world"))
print("\n".join(difflib.unified_diff(["a", "b"], ["a", "c"], "old", "new", lineterm="")))
print(f"{'x':>5}|{3.14159:.2f}|{255:#x}|{'centre':^10}|{1_000_000:,}|{0.25:.0%}", f"{pattern.groups=}")

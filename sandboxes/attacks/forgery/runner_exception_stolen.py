"""Raises the runner's own exception for a program that does not parse, found among all classes: it would get stage 0."""
# expect: failed/other | failed/syntax
# stage: 2

for found in Exception.__subclasses__():
    if found.__module__.startswith("apigauge"):
        raise found("passed", 4)
raise RuntimeError("none found")

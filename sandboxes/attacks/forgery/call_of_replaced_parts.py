"""Replaces a global that the callee uses, so that it returns without doing its work.

Not prevented: any part of a library can be replaced. It gains a program its own verdict, as every manifest says.
"""
# expect: passed
# stage: 4
# callee: json.loads
import json

json._default_decoder = type("Decoder", (), {"decode": lambda self, text: "made up"})()
json.loads("{")

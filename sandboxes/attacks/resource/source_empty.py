"""A program of nothing but a comment without an end of line: nothing to run is no failure, and no call."""
# expect: passed
# stage: 2
# callee: json.loads
# builds: program

program = "# json.loads('1')"

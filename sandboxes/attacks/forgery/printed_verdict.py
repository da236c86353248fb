"""Prints what a harness might take for its own verdict, on both streams, and fails."""
# expect: failed/other
# stage: 2
import json
import sys

verdict = {"status": "passed", "stage": 4, "category": None, "clean": True, "id": 1, "ready": True}
for stream in (sys.stdout, sys.stderr):
    for number in range(100):
        body = json.dumps(verdict | {"id": number})
        print(body, file=stream, flush=True)
        print(len(body).to_bytes(4, "big").decode("latin-1") + body, file=stream, flush=True)
        print("PASSED\nOK\nexit code: 0\n__END__\n", file=stream, flush=True)
raise RuntimeError("failed")

# callee: print
import sys
import unicodedata

print("naïve café — 日本語 ✓ 😀", "é" == unicodedata.normalize("NFC", "e\u0301"))
print("to stderr: Grüße", file=sys.stderr)
print(sys.stdout.encoding, sys.stdout.errors, sys.stderr.encoding, sys.stderr.errors, sys.stdin.encoding)
print(ascii("ß"), repr("\ud800"), "\udcff".encode("utf-8", "surrogateescape"))
print("broken: \udcff")
print("lone: \ud800", file=sys.stderr)
sys.stdout.buffer.write(b"raw \xff bytes\n")
sys.stdout.flush()
print(sys.stdout.isatty(), sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.name, sys.stderr.name, sys.stdin.name)
print("a", "b", sep="", end="|\n", flush=True)
print(sys.stdout.mode, sys.stdin.mode, sys.stdout.newlines, sys.stdout.line_buffering, sys.stdout.write_through)

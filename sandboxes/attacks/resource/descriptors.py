"""Opens files and never closes them, up to 100,000."""
# expect: failed/other

files = []
for _ in range(100_000):
    files.append(open("/dev/null"))

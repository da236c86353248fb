# callee: csv.DictWriter
import csv
import json
from pathlib import Path

rows = [{"name": "Zoë", "age": 31}, {"name": 'O"Neil', "age": 7}, {"name": "a,b", "age": None}]
with open("people.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, ["name", "age"])
    writer.writeheader()
    writer.writerows(rows)
print(repr(Path("people.csv").read_bytes()))
with open("people.csv", newline="", encoding="utf-8") as file:
    print(json.dumps(list(csv.DictReader(file)), ensure_ascii=False, indent=1))
print(csv.Sniffer().sniff("a;b;c\n1;2;3\n").delimiter)
try:
    json.loads('{"a": [1, 2,]}')
except json.JSONDecodeError as error:
    print(error)

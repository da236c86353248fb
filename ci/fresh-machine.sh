#!/usr/bin/env bash
# `make demo` on a machine that has nothing: a Debian with Python, make and git, and no compiler, in a folder of its own.
# Run by hand before a release, as root, for Python 3.13 and 3.14:
#
#     ci/fresh-machine.sh trixie; ci/fresh-machine.sh sid
#
# It ends with 0 if the demo does, and if its scores, and those of all released answers where $APIGAUGE_DATA has them,
# equal byte for byte those of the Python that $PYTHON names here (python3). $ROOT keeps the Debian and what was
# installed into it (default: a folder that is removed in the end). pip's settings are taken over from this machine.
set -euo pipefail
suite=${1:?usage: ci/fresh-machine.sh SUITE [MIRROR]}
cd "$(dirname "$0")/.."
keep=${ROOT:-}
root=${ROOT:-$(mktemp -d)}
here=$(mktemp -d)

clean_up() {
  for inner in proc dev/shm apigauge-data; do
    if mountpoint -q "$root/$inner"; then umount "$root/$inner"; fi
  done
  rm -rf "$here"
  if [ -z "$keep" ]; then rm -rf "$root"; fi
}
trap clean_up EXIT

if [ ! -e "$root/usr/bin/make" ]; then
  debootstrap --variant=minbase --include=python3,python3-venv,make,git,ca-certificates "$suite" "$root" ${2:+"$2"}
fi
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mkdir -p "$root/dev/shm" "$root/root/.config" "$root/apigauge-data"
mountpoint -q "$root/dev/shm" || mount -t tmpfs none "$root/dev/shm"
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf; do
  if [ -e "$file" ]; then cp "$file" "$root/etc/"; fi
done
if [ -d "$HOME/.config/pip" ]; then cp -r "$HOME/.config/pip" "$root/root/.config/"; fi
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
settings=()
while IFS= read -r line; do settings+=("$line"); done \
  < <(env | grep -iE '^(pip_|ssl_cert_file=|https?_proxy=|no_proxy=)' || true)

inside() {
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 ${settings[@]+"${settings[@]}"} \
    chroot "$root" /bin/bash -euc "$1"
}

rm -rf "$root/apigauge"
git clone --quiet --no-hardlinks . "$root/apigauge"
git clone --quiet --no-hardlinks . "$here/apigauge"
if inside 'command -v cc || command -v gcc'; then echo "this machine has a compiler"; exit 1; fi
inside 'python3 -VV; cd /apigauge; time make demo'

make -C "$here/apigauge" demo PYTHON="${PYTHON:-python3}"
for run in checkpoint bm25 constant; do
  "${PYTHON:-python3}" ci/same_scores.py {"$root","$here"}"/apigauge/demo/runs/$run/scores.jsonl"
done
echo "the demo's answers and scores are equal"

if [ -d "${APIGAUGE_DATA:-}" ]; then
  mount --bind -o ro "$APIGAUGE_DATA" "$root/apigauge-data"
  "$here/apigauge/.venv/bin/apigauge" benchmarks grammar
  inside "/apigauge/.venv/bin/apigauge benchmarks grammar"
  for file in "$APIGAUGE_DATA"/responses/response_*.jsonl; do
    name=$(basename "$file" .jsonl); hub=${name#response_}; hub=${hub%%_*}
    score="score --benchmark apibench-$hub --responses $(basename "$file") --sandbox none --json"
    (cd "$here/apigauge" && .venv/bin/apigauge $score --out "runs/$name" >/dev/null)
    inside "cd /apigauge; APIGAUGE_DATA=/apigauge-data .venv/bin/apigauge $score --out runs/$name >/dev/null"
    cmp "$here/apigauge/runs/$name/scores.jsonl" "$root/apigauge/runs/$name/scores.jsonl"
  done
  echo "the scores of the released answers are equal: $(cat "$here"/apigauge/runs/*/scores.jsonl | wc -l) rows"
fi

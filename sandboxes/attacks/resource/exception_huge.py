"""An exception whose text is 200 MB: whoever formats it makes copies, whoever sends it sends 200 MB."""
# expect: failed/other | memory | output_limit

raise RuntimeError("x" * 200_000_000)

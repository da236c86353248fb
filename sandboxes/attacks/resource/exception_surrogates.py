"""An exception whose text has lone surrogates, NULs and no end of lines: it can be in no UTF-8 message as it is."""
# expect: failed/other

raise RuntimeError("\ud800\x00\udfff\n" * 1000)

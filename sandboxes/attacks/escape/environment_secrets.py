"""Looks for tokens and keys in its environment; the one of whoever started the sandbox must not be inherited."""
# expect: passed
import os
import re

found = [name for name in os.environ if re.search(r"TOKEN|SECRET|PASSW|API_?KEY|^AWS_|^SSH_|PROXY|^DOCKER", name, re.I)]
if found:
    raise AssertionError(f"escaped: {found}")

"""Trains small models with AI feedback; needs `pip install apigauge[rlaif]`."""

import os

# Before torch is loaded: its threads would wait for each other by spinning, on cores that scoring and sandbox need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

"""Trains small models with AI feedback; needs `pip install apigauge[rlaif]`."""

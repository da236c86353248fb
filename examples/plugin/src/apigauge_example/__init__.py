"""A plugin of apigauge with one row in each table; ``plugin.py`` says which."""

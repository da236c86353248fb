"""Replaces the API call by a mock, the honest way to fake it."""
# expect: passed
# stage: 2
# callee: json.loads
import json
from unittest import mock

with mock.patch("json.loads", return_value={}):
    json.loads("no JSON")

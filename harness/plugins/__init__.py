"""What installed packages may add to apigauge: :mod:`spec` has the hooks, :mod:`manager` loads the plugins."""

from apigauge.harness.plugins.spec import hookimpl

__all__ = ["hookimpl"]

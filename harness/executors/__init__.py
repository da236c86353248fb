"""Where work runs: this machine or the nodes of a Ray cluster; and a thread that produces values in advance."""

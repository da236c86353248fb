"""Where work runs: processes of this machine, and a thread that produces values in advance."""

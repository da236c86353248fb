"""Stand-in of the Torch Hub: repositories whose entry points take what the real ones take and return tiny modules."""

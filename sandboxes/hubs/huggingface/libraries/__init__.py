"""How a repository of each library other than transformers is written, one module a library."""

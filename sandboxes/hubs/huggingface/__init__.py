"""The stand-in for the Hugging Face hub: real addresses and architectures, tiny models.

``repositories.jsonl`` says which repositories there are and what is in each; ``build`` writes them as the cache that
``huggingface_hub`` reads. Nothing here is imported by the harness; the builder runs inside an environment.
"""

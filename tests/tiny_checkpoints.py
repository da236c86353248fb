"""Checkpoints with random weights: what they answer is noise, but always the same noise."""

CHAT = "{% for message in messages %}<|user|>{{ message['content'] }}{% endfor %}<|model|>"


def save_tokenizer(folder, texts, chat=None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = bytes_, decoders.ByteLevel()
    raw.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=["<|end|>", "<|user|>", "<|model|>"],
            initial_alphabet=bytes_.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|end|>", chat_template=chat)
    tokenizer.save_pretrained(folder)
    return tokenizer


def save_gpt2(folder, texts, *, context=256, chat=None, seed=0, **sizes):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = save_tokenizer(folder, texts, chat)
    torch.manual_seed(seed)
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    # A head is 32 wide, the least that vLLM has on a CPU.
    sizes = {"n_embd": 64, "n_layer": 2, "n_head": 2} | sizes
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_positions=context, **sizes, **ends))
    for parameter in model.parameters():
        parameter.data *= 4  # far apart, so that answers differ from question to question
    model.save_pretrained(folder)
    return model


def save_llama(folder, texts, adapter=None):
    """A Llama, and a LoRA adapter for it in a second folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = save_tokenizer(folder, texts)
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": 0, "eos_token_id": 0, "num_key_value_heads": 2, "max_position_embeddings": 256}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes, **ends))
    for parameter in model.parameters():
        parameter.data *= 4
    model.save_pretrained(folder)
    if adapter:
        adapted = get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.5)
        adapted.save_pretrained(adapter)


def save_words(folder, words, seed=0, kind="gpt2", **sizes):
    """A model whose tokens are whole words, for tasks that reinforcement learning can solve in seconds."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(["<|end|>", *words])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<|end|>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|end|>").save_pretrained(folder)
    torch.manual_seed(seed)
    ends = {"vocab_size": len(vocabulary), "bos_token_id": 0, "eos_token_id": 0}
    if kind == "gpt2":
        sizes = {"n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 32} | sizes
        model = GPT2LMHeadModel(GPT2Config(**sizes, **ends))
    else:
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        model = LlamaForCausalLM(LlamaConfig(**sizes, max_position_embeddings=32, **ends))
    model.save_pretrained(folder)
    return folder


def save_bert(folder, texts, seed=0):
    """A sentence-embedding model with random weights: texts that share words are near each other."""
    import torch
    from transformers import BertConfig, BertModel

    tokenizer = save_tokenizer(folder, texts)
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(tokenizer), pad_token_id=0, **sizes)).save_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(folder)
    return folder

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


def save_gpt2(folder, texts, *, context=256, chat=None, seed=0):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = save_tokenizer(folder, texts, chat)
    torch.manual_seed(seed)
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=len(tokenizer), n_positions=context, n_embd=64, n_layer=2, n_head=2, **ends)
    )
    for parameter in model.parameters():
        parameter.data *= 4  # far apart, so that answers differ from question to question
    model.save_pretrained(folder)
    return model

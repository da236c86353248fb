"""How many entries the published vocabularies have: what their files hold, and the rows of their models' embeddings."""

import re
from typing import Any

# By tokenizer, model type and address, in order; the last match counts. An empty pattern matches everything.
_FILES: tuple[tuple[str, str, str, int], ...] = (
    ("", "", "", 30522),
    ("BertTokenizer|DistilBertTokenizer|ElectraTokenizer", "", r"(?<!un)cased|biobert|Bio_Clinical|NER$", 28996),
    ("BertTokenizer|DistilBertTokenizer", "", r"uncased", 30522),
    ("BertTokenizer|DistilBertTokenizer", "", r"multilingual-cased|multi-cased|rubert|distiluse", 119547),
    ("BertTokenizer", "", r"multilingual-uncased", 105879),
    ("BertTokenizer", "", r"LaBSE", 501153),
    ("BertTokenizer", "", r"sbert_large_mt_nlu_ru", 120138),
    ("BertTokenizer", "", r"chinese|text2vec|wwm-ext|wwm_ext", 21128),
    ("BertTokenizer|DistilBertTokenizer", "", r"german-cased|german-sentiment", 30000),
    ("BertTokenizer|DistilBertTokenizer", "", r"dbmdz-|dbmdz/bert-base-german|distilbert-base-german|gbert", 31102),
    ("BertTokenizer", "", r"dutch", 30073),
    ("BertTokenizer", "", r"finnish", 50105),
    ("BertTokenizer", "", r"portuguese", 29794),
    ("BertTokenizer", "", r"spanish|beto", 31002),
    ("BertTokenizer", "", r"scibert|scincl", 31090),
    ("BertTokenizer", "", r"finbert-tone", 30873),
    ("BertTokenizer", "", r"klue", 32000),
    ("BertTokenizer", "", r"indobert", 50000),
    ("BertTokenizer", "", r"dbmdz/bert-large-cased-finetuned-conll03", 28996),
    ("BertTokenizer", "roberta", "", 32000),
    ("BertTokenizer", "ernie", r"3.0-base-zh", 40000),
    ("BertTokenizer", "roformer", "", 50000),
    ("RoFormerTokenizer", "", "", 50000),
    ("BertJapaneseTokenizer", "", "", 32000),
    ("BertJapaneseTokenizer", "", r"char", 4000),
    ("SplinterTokenizer", "", "", 28996),
    ("SqueezeBertTokenizer", "", "", 30522),
    # Byte pairs: characters and merges, without special tokens.
    ("GPT2Tokenizer|GPT2TokenizerFast|CodeGenTokenizer|WhisperTokenizer", "", "", 50256),
    ("GPT2TokenizerFast", "", r"santacoder", 49151),
    ("RobertaTokenizer|BartTokenizer|LongformerTokenizer|LEDTokenizer|MvpTokenizer", "", "", 50257),
    ("LayoutLMv3Tokenizer|TapexTokenizer|LukeTokenizer|MarkupLMTokenizer|DebertaTokenizer", "", "", 50257),
    ("RobertaTokenizer", "t5", "", 32095),
    ("BlenderbotTokenizer", "", "", 8003),
    ("CLIPTokenizer", "", "", 49406),
    ("OpenAIGPTTokenizer", "", "", 40477),
    ("CTRLTokenizer", "", "", 246529),
    ("BlenderbotSmallTokenizer", "", "", 54944),
    ("BertweetTokenizer", "", "", 63996),
    ("XLMTokenizer|BioGptTokenizer", "", "", 30139),
    ("XLMTokenizer", "", r"100-1280", 199994),
    ("BioGptTokenizer", "", "", 42378),
    ("FlaubertTokenizer", "", "", 68723),
    ("FSMTTokenizer", "", "", 42018),
    ("BloomTokenizerFast", "", "", 250676),
    ("GPTNeoXTokenizerFast", "", "", 50275),
    ("PreTrainedTokenizerFast", "", "", 29995),
    ("Qwen2Tokenizer", "", "", 151643),
    # SentencePiece: all pieces of the file.
    ("T5Tokenizer", "", "", 32000),
    ("MT5Tokenizer|T5Tokenizer", "mt5|umt5", "", 250000),
    ("T5Tokenizer", "", r"rut5", 30000),
    ("XLMRobertaTokenizer|LayoutXLMTokenizer", "", "", 250000),
    ("MBartTokenizer|MBart50Tokenizer", "", "", 250000),
    ("NllbTokenizer|XGLMTokenizer", "", "", 256000),
    ("CamembertTokenizer|AlbertTokenizer|XLNetTokenizer|FNetTokenizer|LlamaTokenizer", "", "", 32000),
    ("AlbertTokenizer", "", "", 30000),
    ("BarthezTokenizer|PLBartTokenizer", "", "", 50000),
    ("BertGenerationTokenizer|BigBirdTokenizer", "", "", 50358),
    ("DebertaV2Tokenizer", "", "", 128000),
    ("DebertaV2Tokenizer", "", r"mdeberta|mDeBERTa", 250101),
    ("PegasusTokenizer", "", "", 96000),
    ("RemBertTokenizer", "", "", 250300),
    ("ReformerTokenizer", "", "", 320),
    ("M2M100Tokenizer", "", "", 128000),
    ("Speech2TextTokenizer", "", "", 10000),
    ("MarianTokenizer", "", "", 58101),
    ("MarianTokenizer", "", r"(en-fr|fr-en)$", 59514),
    ("MarianTokenizer", "", r"(en-es|es-en|en-ROMANCE|ROMANCE-en|zh-en|en-zh|hi-en|ko-en)$", 65001),
    ("MarianTokenizer", "", r"(en-ru|ru-en)$", 62518),
    ("MarianTokenizer", "", r"(en-ar|ar-en)$", 62834),
    ("MarianTokenizer", "", r"(en-it|it-en)$", 80035),
    ("MarianTokenizer", "", r"tiny-marian", 2000),
)
# Rows of the embedding where they are more than the tokens.
_ROWS: tuple[tuple[str, str, int], ...] = (
    ("t5", "", 32128),
    ("mt5|umt5", "", 250112),
    ("deberta-v2", "", 128100),
    ("deberta-v2", r"mdeberta|mDeBERTa", 251000),
    ("opt|blip-2", "", 50272),
    ("gptj", "", 50400),
    ("codegen", "", 51200),
    ("gpt_neox", "", 50432),
    ("gpt_neox", r"pythia|pygmalion", 50304),
    ("bloom", "", 250880),
    ("bart", r"bart-large-cnn|distilbart-cnn|distilbart-xsum|bart-large-xsum", 50264),
    ("mpnet", "", 30527),
    ("bert", r"multilingual-MiniLM", 250037),
)


def of_files(tokenizer: str, entry: dict[str, Any]) -> int:
    """The entries that a tokenizer's files have, as ``_FILES`` counts them."""
    size = 0
    for names, kinds, pattern, count in _FILES:
        if (not names or tokenizer in names.split("|")) and _fits(kinds, pattern, entry):
            size = count
    return size


def rows(entry: dict[str, Any]) -> int:
    """The rows of a model's embedding; 0 if as many as it has tokens."""
    size = 0
    for kinds, pattern, count in _ROWS:
        if entry.get("tokenizer") not in {"ByT5Tokenizer", None} and _fits(kinds, pattern, entry):
            size = count
    return size


def _fits(kinds: str, pattern: str, entry: dict[str, Any]) -> bool:
    return (not kinds or entry.get("type") in kinds.split("|")) and re.search(pattern, entry["repo"]) is not None

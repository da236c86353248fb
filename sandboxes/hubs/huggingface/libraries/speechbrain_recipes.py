"""The recipes of toy SpeechBrain models: the classes of the real ones, a few channels wide."""

from typing import Any

_ENCODER = """\
pretrained_path: {repo}
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: 24
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: false
mean_var_norm_emb: !new:speechbrain.processing.features.InputNormalization
    norm_type: global
    std_norm: false
{networks}
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    mean_var_norm_emb: !ref <mean_var_norm_emb>
    embedding_model: !ref <embedding_model>
    classifier: !ref <classifier>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
{normalizer}        classifier: !ref <classifier>
        label_encoder: !ref <label_encoder>
    paths:
        embedding_model: !ref <pretrained_path>/embedding_model.ckpt
{normalizer_path}        classifier: !ref <pretrained_path>/classifier.ckpt
        label_encoder: !ref <pretrained_path>/label_encoder.txt
"""
_XVECTOR = """\
embedding_model: !new:speechbrain.lobes.models.Xvector.Xvector
    in_channels: 24
    tdnn_blocks: 3
    tdnn_channels: [16, 16, 32]
    tdnn_kernel_sizes: [5, 3, 1]
    tdnn_dilations: [1, 2, 1]
    lin_neurons: 16
classifier: !new:speechbrain.lobes.models.Xvector.Classifier
    input_shape: [null, null, 16]
    lin_blocks: 1
    lin_neurons: 16
    out_neurons: {classes}"""
_ECAPA = """\
embedding_model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: 24
    channels: [16, 16, 16, 16, 48]
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    attention_channels: 8
    res2net_scale: 4
    se_channels: 8
    lin_neurons: 16
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: 16
    out_neurons: {classes}"""
_SEPARATION = """\
sample_rate: {rate}
num_spks: {speakers}
Encoder: !new:speechbrain.lobes.models.dual_path.Encoder
    kernel_size: 16
    out_channels: 16
intra: !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    num_layers: 1
    d_model: 16
    nhead: 2
    d_ffn: 32
    dropout: 0
    use_positional_encoding: true
    norm_before: true
inter: !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    num_layers: 1
    d_model: 16
    nhead: 2
    d_ffn: 32
    dropout: 0
    use_positional_encoding: true
    norm_before: true
MaskNet: !new:speechbrain.lobes.models.dual_path.Dual_Path_Model
    num_spks: !ref <num_spks>
    in_channels: 16
    out_channels: 16
    num_layers: 1
    K: 50
    intra_model: !ref <intra>
    inter_model: !ref <inter>
    norm: ln
    linear_layer_after_inter_intra: false
    skip_around_intra: true
Decoder: !new:speechbrain.lobes.models.dual_path.Decoder
    in_channels: 16
    out_channels: 1
    kernel_size: 16
    stride: 8
    bias: false
modules:
    encoder: !ref <Encoder>
    decoder: !ref <Decoder>
    masknet: !ref <MaskNet>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        masknet: !ref <MaskNet>
        encoder: !ref <Encoder>
        decoder: !ref <Decoder>
"""
_MASK = """\
sample_rate: 16000
compute_stft: !new:speechbrain.processing.features.STFT
    sample_rate: !ref <sample_rate>
    win_length: 32
    hop_length: 16
    n_fft: 512
    window_fn: !name:torch.hamming_window
compute_istft: !new:speechbrain.processing.features.ISTFT
    sample_rate: !ref <sample_rate>
    win_length: 32
    hop_length: 16
    window_fn: !name:torch.hamming_window
spectral_magnitude: !name:speechbrain.processing.features.spectral_magnitude
    power: 0.5
resynth: !name:speechbrain.processing.signal_processing.resynthesize
    stft: !ref <compute_stft>
    istft: !ref <compute_istft>
    normalize_wavs: false
enhance_model: !new:speechbrain.lobes.models.MetricGAN.EnhancementGenerator
    input_size: 257
    hidden_size: 200
    num_layers: 1
    dropout: 0
modules:
    enhance_model: !ref <enhance_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        enhance_model: !ref <enhance_model>
"""
_WAVEFORM = """\
sample_rate: 16000
enhance_model: !new:speechbrain.lobes.models.EnhanceResnet.EnhanceResnet
    n_fft: 512
    win_length: 32
    hop_length: 16
    sample_rate: !ref <sample_rate>
    channel_counts: [4, 4]
    dense_count: 1
    dense_nodes: 16
modules:
    enhance_model: !ref <enhance_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        enhance_model: !ref <enhance_model>
"""
_TACOTRON = """\
sample_rate: 22050
text_to_sequence: !name:speechbrain.utils.text_to_sequence.text_to_sequence
model: !new:speechbrain.lobes.models.Tacotron2.Tacotron2
    n_mel_channels: 80
    n_symbols: 148
    symbols_embedding_dim: 16
    encoder_n_convolutions: 1
    encoder_embedding_dim: 16
    attention_rnn_dim: 16
    attention_dim: 8
    attention_location_n_filters: 4
    attention_location_kernel_size: 5
    decoder_rnn_dim: 16
    prenet_dim: 8
    max_decoder_steps: 60
    postnet_embedding_dim: 16
    postnet_n_convolutions: 2
modules:
    model: !ref <model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        model: !ref <model>
"""
_VOCODER = """\
sample_rate: 22050
generator: !new:speechbrain.lobes.models.HifiGAN.HifiganGenerator
    in_channels: 80
    out_channels: 1
    resblock_type: '1'
    resblock_dilation_sizes: [[1, 3, 5]]
    resblock_kernel_sizes: [3]
    upsample_kernel_sizes: [16, 16, 4, 4]
    upsample_initial_channel: 16
    upsample_factors: [8, 8, 2, 2]
modules:
    generator: !ref <generator>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        generator: !ref <generator>
"""
_EMOTIONS = """\
pretrained_path: {repo}
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
settings: !new:transformers.Wav2Vec2Config
    hidden_size: 16
    num_hidden_layers: 1
    num_attention_heads: 2
    intermediate_size: 32
    conv_dim: [8, 8, 8, 8, 8, 8, 8]
    num_conv_pos_embeddings: 16
    num_conv_pos_embedding_groups: 2
wav2vec2: !new:transformers.Wav2Vec2Model
    config: !ref <settings>
avg_pool: !new:speechbrain.nnet.pooling.StatisticsPooling
    return_std: false
output_mlp: !new:speechbrain.nnet.linear.Linear
    input_size: 16
    n_neurons: {classes}
    bias: false
model: !new:torch.nn.ModuleList
    - [!ref <output_mlp>]
modules:
    wav2vec2: !ref <wav2vec2>
    avg_pool: !ref <avg_pool>
    output_mlp: !ref <output_mlp>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        wav2vec2: !ref <wav2vec2>
        model: !ref <model>
        label_encoder: !ref <label_encoder>
    paths:
        wav2vec2: !ref <pretrained_path>/wav2vec2.ckpt
        model: !ref <pretrained_path>/model.ckpt
        label_encoder: !ref <pretrained_path>/label_encoder.txt
"""
INTERFACE = '''\
"""Utterances to emotions: the encoder's frames, their mean, a linear layer."""

import torch
from speechbrain.pretrained import Pretrained


class CustomEncoderWav2vec2Classifier(Pretrained):
    def encode_batch(self, wavs, wav_lens=None, normalize=False):
        wavs = torch.atleast_2d(wavs).to(self.device).float()
        return self.mods.avg_pool(self.mods.wav2vec2(wavs).last_hidden_state).squeeze(1)

    def classify_batch(self, wavs, wav_lens=None):
        out_prob = torch.softmax(self.mods.output_mlp(self.encode_batch(wavs, wav_lens)), dim=-1)
        score, index = torch.max(out_prob, dim=-1)
        return out_prob, score, index, self.hparams.label_encoder.decode_torch(index)

    def classify_file(self, path):
        return self.classify_batch(self.load_audio(path).unsqueeze(0))

    def forward(self, wavs, wav_lens=None):
        return self.classify_batch(wavs, wav_lens)
'''


def recipe(entry: dict[str, Any]) -> str:
    """The text of a repository's ``hyperparams.yaml``.

    Raises:
        KeyError: no recipe is known for that interface.
    """
    extra = entry["extra"]
    if entry["pipeline"] == "EncoderClassifier":
        normalized = "mean_var_norm_emb.ckpt" in entry["files"]
        space = " " * 8
        return _ENCODER.format(
            repo=entry["repo"],
            networks=(_XVECTOR if extra["encoder"] == "Xvector" else _ECAPA).format(
                classes=extra.get("num_classes", 40)
            ),
            normalizer=f"{space}mean_var_norm_emb: !ref <mean_var_norm_emb>\n" if normalized else "",
            normalizer_path=f"{space}mean_var_norm_emb: !ref <pretrained_path>/mean_var_norm_emb.ckpt\n"
            if normalized
            else "",
        )
    text = {
        "SepformerSeparation": _SEPARATION,
        "SpectralMaskEnhancement": _MASK,
        "WaveformEnhancement": _WAVEFORM,
        "Tacotron2": _TACOTRON,
        "HIFIGAN": _VOCODER,
        "CustomEncoderWav2vec2Classifier": _EMOTIONS,
    }[entry["pipeline"]]
    return text.format(
        repo=entry["repo"],
        rate=extra.get("sample_rate", 16000),
        speakers=extra.get("num_spks", 1),
        classes=len(extra.get("class_names", ())),
    )

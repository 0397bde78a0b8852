"""Architectures of transformers, each with a small random configuration."""
import functools

import torch

from zoo_network import Network, Select, import_torchvision

TOKENS, VOCABULARY, WIDTH = 19, 211, 64

SIZES = dict(hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4, intermediate_size=112)
TEXT = dict(SIZES, vocab_size=VOCABULARY, max_position_embeddings=96, pad_token_id=0, bos_token_id=1, eos_token_id=2)
GROUPED = dict(TEXT, num_key_value_heads=2, head_dim=16)
# Encoder-decoders name their sizes after their halves.
PAIR = dict(vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4,
            encoder_ffn_dim=112, decoder_ffn_dim=112, max_position_embeddings=96, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            decoder_start_token_id=2, forced_eos_token_id=None)
RELATIVE = dict(vocab_size=VOCABULARY, d_model=WIDTH, d_kv=16, d_ff=112, num_layers=2, num_heads=4, pad_token_id=0, decoder_start_token_id=0)
IMAGE = dict(SIZES, image_size=64, patch_size=16)
STAGES = dict(image_size=64, embed_dim=24, depths=[1, 2], num_heads=[2, 4], window_size=4)
TOWERS = dict(text_config=TEXT, vision_config=IMAGE)
SPEECH = dict(SIZES, vocab_size=VOCABULARY, conv_dim=(32, 40, 48), conv_stride=(5, 4, 2), conv_kernel=(10, 6, 3), num_feat_extract_layers=3,
              num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, mask_time_prob=0.0, mask_feature_prob=0.0)
BACKBONE = dict(model_type="resnet", hidden_sizes=[16, 24, 32, 40], embedding_size=16, depths=[1, 1, 1, 1], layer_type="basic",
                out_features=["stage2", "stage3", "stage4"])
DETECTOR = dict(backbone_config=dict(BACKBONE, out_features=["stage4"]), use_timm_backbone=False, backbone=None, d_model=32, encoder_layers=1,
                decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, num_queries=9,
                use_pretrained_backbone=False)

# name: (class of the model, kind of its inputs, configuration)
TEXT_ENCODERS = {
    "bert": ("BertModel", "masked", TEXT),
    "bert_classifier": ("BertForSequenceClassification", "masked", TEXT),
    "roberta": ("RobertaModel", "masked", TEXT),
    "roberta_prelayernorm": ("RobertaPreLayerNormModel", "masked", TEXT),
    "xlm_roberta": ("XLMRobertaForTokenClassification", "masked", TEXT),
    "camembert": ("CamembertForMaskedLM", "masked", TEXT),
    "distilbert": ("DistilBertModel", "masked", dict(TEXT, dim=WIDTH, n_heads=4, n_layers=2, hidden_dim=112)),
    "albert": ("AlbertModel", "masked", dict(TEXT, embedding_size=32)),
    "electra": ("ElectraModel", "masked", dict(TEXT, embedding_size=32)),
    "mobilebert": ("MobileBertModel", "masked", dict(TEXT, embedding_size=32, intra_bottleneck_size=32, true_hidden_size=32)),
    "mpnet": ("MPNetModel", "masked", TEXT),
    "deberta": ("DebertaModel", "masked", dict(TEXT, relative_attention=True, pos_att_type=["c2p", "p2c"])),
    "deberta_v2": ("DebertaV2Model", "masked", dict(TEXT, relative_attention=True, pos_att_type=["c2p", "p2c"], position_buckets=8,
                                                    share_att_key=True, norm_rel_ebd="layer_norm")),
    "squeezebert": ("SqueezeBertModel", "masked", dict(TEXT, embedding_size=WIDTH)),
    "convbert": ("ConvBertModel", "masked", dict(TEXT, embedding_size=WIDTH, head_ratio=2, conv_kernel_size=5)),
    "fnet": ("FNetModel", "ids", dict(TEXT, use_tpu_fourier_optimizations=False)),
    "funnel": ("FunnelModel", "masked", dict(vocab_size=VOCABULARY, block_sizes=[1, 1], d_model=WIDTH, n_head=4, d_head=16, d_inner=112)),
    "layoutlm": ("LayoutLMModel", "masked", TEXT),
    "longformer": ("LongformerModel", "masked", dict(TEXT, attention_window=[8, 8], max_position_embeddings=128)),
    "big_bird": ("BigBirdModel", "masked", dict(TEXT, attention_type="original_full")),
    "modernbert": ("ModernBertModel", "masked", dict(TEXT, global_attn_every_n_layers=2, local_attention=8, reference_compile=False)),
    "roformer": ("RoFormerModel", "masked", dict(TEXT, embedding_size=WIDTH)),
    "nystromformer": ("NystromformerModel", "masked32", dict(TEXT, num_landmarks=32, segment_means_seq_len=32, conv_kernel_size=5)),
    "xlnet": ("XLNetModel", "ids", dict(vocab_size=VOCABULARY, d_model=WIDTH, n_layer=2, n_head=4, d_inner=112)),
    "ernie": ("ErnieModel", "masked", TEXT),
    "megatron_bert": ("MegatronBertModel", "masked", TEXT),
    "canine": ("CanineModel", "masked32", dict(TEXT, local_transformer_stride=8, downsampling_rate=4, upsampling_kernel_size=4,
                                               attend_from_chunk_width=16, attend_to_chunk_width=16, num_hash_buckets=32)),
    "data2vec_text": ("Data2VecTextModel", "masked", TEXT),
    "rembert": ("RemBertModel", "masked", dict(TEXT, input_embedding_size=32, output_embedding_size=32)),
    "esm": ("EsmModel", "masked", dict(TEXT, position_embedding_type="rotary", mask_token_id=3, token_dropout=False)),
    "ibert": ("IBertModel", "masked", dict(TEXT, quant_mode=False)),
    "splinter": ("SplinterModel", "masked", TEXT),
    "perceiver": ("PerceiverForMaskedLM", "masked", dict(vocab_size=VOCABULARY, d_model=WIDTH, d_latents=48, num_latents=7, num_blocks=1,
                                                         num_self_attends_per_block=2, num_self_attention_heads=4, num_cross_attention_heads=4,
                                                         max_position_embeddings=TOKENS, qk_channels=32, v_channels=48)),
}
DECODERS = {
    "gpt2": ("GPT2LMHeadModel", "ids", TEXT),
    "gpt_neo": ("GPTNeoForCausalLM", "ids", dict(TEXT, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=8)),
    "gpt_neox": ("GPTNeoXForCausalLM", "ids", TEXT),
    "gptj": ("GPTJForCausalLM", "ids", dict(TEXT, rotary_dim=8)),
    "gpt_bigcode": ("GPTBigCodeForCausalLM", "ids", TEXT),
    "openai_gpt": ("OpenAIGPTLMHeadModel", "ids", dict(TEXT, n_positions=96)),
    "opt": ("OPTForCausalLM", "ids", dict(TEXT, ffn_dim=112, word_embed_proj_dim=WIDTH)),
    "bloom": ("BloomForCausalLM", "ids", TEXT),
    "llama": ("LlamaForCausalLM", "ids", GROUPED),
    "mistral": ("MistralForCausalLM", "ids", dict(GROUPED, sliding_window=8)),
    "qwen2": ("Qwen2ForCausalLM", "ids", GROUPED),
    "qwen3": ("Qwen3ForCausalLM", "ids", GROUPED),
    "gemma": ("GemmaForCausalLM", "ids", GROUPED),
    "gemma2": ("Gemma2ForCausalLM", "ids", dict(GROUPED, sliding_window=8)),
    "gemma3": ("Gemma3ForCausalLM", "ids", dict(GROUPED, sliding_window=8)),
    "phi": ("PhiForCausalLM", "ids", TEXT),
    "phi3": ("Phi3ForCausalLM", "ids", dict(GROUPED, pad_token_id=0)),
    "falcon": ("FalconForCausalLM", "ids", TEXT),
    "mpt": ("MptForCausalLM", "ids", dict(vocab_size=VOCABULARY, d_model=WIDTH, n_heads=4, n_layers=2, max_seq_len=96)),
    "stablelm": ("StableLmForCausalLM", "ids", dict(TEXT, num_key_value_heads=4)),
    "codegen": ("CodeGenForCausalLM", "ids", dict(TEXT, rotary_dim=8)),
    "biogpt": ("BioGptForCausalLM", "ids", TEXT),
    "xglm": ("XGLMForCausalLM", "ids", dict(TEXT, d_model=WIDTH, num_layers=2, attention_heads=4, ffn_dim=112)),
    "cohere": ("CohereForCausalLM", "ids", GROUPED),
    "olmo2": ("Olmo2ForCausalLM", "ids", GROUPED),
    "granite": ("GraniteForCausalLM", "ids", GROUPED),
    "smollm3": ("SmolLM3ForCausalLM", "ids", GROUPED),
    "starcoder2": ("Starcoder2ForCausalLM", "ids", GROUPED),
    "glm": ("GlmForCausalLM", "ids", GROUPED),
    "helium": ("HeliumForCausalLM", "ids", GROUPED),
    "mixtral": ("MixtralForCausalLM", "ids", dict(GROUPED, num_local_experts=4, num_experts_per_tok=2)),
    "qwen2_moe": ("Qwen2MoeForCausalLM", "ids", dict(GROUPED, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48,
                                                     shared_expert_intermediate_size=40)),
    "qwen3_moe": ("Qwen3MoeForCausalLM", "ids", dict(GROUPED, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48)),
    "olmoe": ("OlmoeForCausalLM", "ids", dict(GROUPED, num_experts=4, num_experts_per_tok=2)),
    "gpt_oss": ("GptOssForCausalLM", "ids", dict(GROUPED, num_local_experts=4, num_experts_per_tok=2, sliding_window=8)),
    "deepseek_v3": ("DeepseekV3ForCausalLM", "ids", dict(TEXT, num_key_value_heads=4, n_routed_experts=4, num_experts_per_tok=2, n_group=2,
                                                         topk_group=1, moe_intermediate_size=48, first_k_dense_replace=1, q_lora_rank=24,
                                                         kv_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16)),
    "ctrl": ("CTRLModel", "ids", dict(TEXT, n_embd=WIDTH, dff=112, n_layer=2, n_head=4, n_positions=96)),
    "mamba": ("MambaForCausalLM", "ids", dict(TEXT, state_size=8, use_mambapy=False)),
    "rwkv": ("RwkvForCausalLM", "ids", dict(TEXT, attention_hidden_size=WIDTH, context_length=96)),
}
ENCODER_DECODERS = {
    "t5": ("T5Model", "pair", RELATIVE),
    "mt5": ("MT5Model", "pair", dict(RELATIVE, feed_forward_proj="gated-gelu")),
    "umt5": ("UMT5Model", "pair", RELATIVE),
    "bart": ("BartModel", "pair", PAIR),
    "mbart": ("MBartModel", "pair", PAIR),
    "pegasus": ("PegasusModel", "pair", PAIR),
    "marian": ("MarianMTModel", "pair", PAIR),
    "m2m_100": ("M2M100Model", "pair", PAIR),
    "blenderbot": ("BlenderbotModel", "pair", PAIR),
    "prophetnet": ("ProphetNetModel", "pair", dict({k: v for k, v in TEXT.items() if k != "num_hidden_layers"}, num_encoder_layers=2, num_decoder_layers=2, num_encoder_attention_heads=4,
                                                   num_decoder_attention_heads=4, encoder_ffn_dim=112, decoder_ffn_dim=112, ngram=2,
                                                   num_buckets=8, relative_max_distance=16, decoder_start_token_id=0)),
}
VISION = {
    "vit": ("ViTModel", "image", IMAGE),
    "deit": ("DeiTModel", "image", IMAGE),
    "beit": ("BeitModel", "image", dict(IMAGE, use_relative_position_bias=True, use_mask_token=True)),
    "dinov2": ("Dinov2Model", "image", IMAGE),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", "image", IMAGE),
    "dinov3_vit": ("DINOv3ViTModel", "image", IMAGE),
    "ijepa": ("IJepaModel", "image", IMAGE),
    "vit_msn": ("ViTMSNModel", "image", IMAGE),
    "vitdet": ("VitDetModel", "image", dict(IMAGE, window_size=3, window_block_indices=[0], residual_block_indices=[1],
                                            use_relative_position_embeddings=True)),
    "hiera": ("HieraModel", "image", dict(image_size=[64, 64], patch_size=[7, 7], patch_stride=[4, 4], embed_dim=16, depths=[1, 1, 1],
                                          num_heads=[1, 2, 4], masked_unit_size=[4, 4], num_query_pool=2)),
    "swin": ("SwinModel", "image", STAGES),
    "swinv2": ("Swinv2Model", "image", STAGES),
    "swin2sr": ("Swin2SRForImageSuperResolution", "image", dict(STAGES, image_size=32, patch_size=1, window_size=8, embed_dim=16, upscale=2)),
    "donut_swin": ("DonutSwinModel", "image", STAGES),
    "segformer": ("SegformerForSemanticSegmentation", "image", dict(hidden_sizes=[16, 24, 32, 48], depths=[1, 1, 1, 1], decoder_hidden_size=32,
                                                                    num_attention_heads=[1, 2, 4, 4], num_labels=7)),
    "mobilevit": ("MobileViTModel", "image", dict(image_size=64, hidden_sizes=[24, 32, 40], neck_hidden_sizes=[8, 16, 24, 32, 40, 48, 64])),
    "mobilevitv2": ("MobileViTV2Model", "image", dict(image_size=64, width_multiplier=0.5)),
    "mobilenet_v1": ("MobileNetV1Model", "image", dict(depth_multiplier=0.5)),
    "mobilenet_v2": ("MobileNetV2Model", "image", dict(depth_multiplier=0.5)),
    "convnext": ("ConvNextModel", "image", dict(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 1, 1])),
    "convnextv2": ("ConvNextV2Model", "image", dict(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 1, 1])),
    "resnet": ("ResNetModel", "image", dict(hidden_sizes=[16, 24, 32, 40], embedding_size=16, depths=[1, 1, 1, 1])),
    "regnet": ("RegNetModel", "image", dict(hidden_sizes=[16, 24, 32, 40], embedding_size=16, depths=[1, 1, 1, 1], groups_width=8)),
    "bit": ("BitModel", "image", dict(hidden_sizes=[16, 32, 48, 64], embedding_size=16, depths=[1, 1, 1, 1], num_groups=8)),
    "efficientnet": ("EfficientNetModel", "image", dict(image_size=64, width_coefficient=0.5, depth_coefficient=0.5, hidden_dim=640)),
    "levit": ("LevitModel", "image", dict(image_size=64, hidden_sizes=[32, 48, 64], num_attention_heads=[2, 3, 4], depths=[1, 1, 1],
                                          key_dim=[16, 16, 16])),
    "cvt": ("CvtModel", "image", dict(embed_dim=[16, 32, 48], num_heads=[1, 2, 3], depth=[1, 2, 3])),
    "poolformer": ("PoolFormerModel", "image", dict(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 1, 1])),
    "pvt": ("PvtModel", "image", dict(image_size=64, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 4, 8])),
    "pvt_v2": ("PvtV2Model", "image", dict(image_size=64, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 4, 8])),
    "swiftformer": ("SwiftFormerModel", "image", dict(image_size=64, embed_dims=[16, 24, 32, 40], depths=[1, 1, 1, 1])),
    "focalnet": ("FocalNetModel", "image", dict(image_size=64, embed_dim=16, depths=[1, 1, 1], focal_levels=[2, 2, 2], focal_windows=[3, 3, 3],
                                                hidden_sizes=[16, 32, 64])),
    "vit_hybrid_dpt": ("DPTForDepthEstimation", "image", dict(IMAGE, num_hidden_layers=4, backbone_out_indices=[0, 1, 2, 3],
                                                              neck_hidden_sizes=[16, 24, 32, 40], fusion_hidden_size=24)),
    "glpn": ("GLPNForDepthEstimation", "image", dict(hidden_sizes=[16, 24, 32, 48], depths=[1, 1, 1, 1], num_attention_heads=[1, 2, 4, 4],
                                                     decoder_hidden_size=24)),
    "yolos": ("YolosForObjectDetection", "image", dict(IMAGE, image_size=[64, 64], num_detection_tokens=7, num_labels=5)),
    "detr": ("DetrForObjectDetection", "image", DETECTOR),
    "table_transformer": ("TableTransformerForObjectDetection", "image", DETECTOR),
    "conditional_detr": ("ConditionalDetrForObjectDetection", "image", DETECTOR),
    "deformable_detr": ("DeformableDetrForObjectDetection", "image", dict(DETECTOR, backbone_config=BACKBONE, num_feature_levels=3)),
    "superpoint_encoder": ("SuperPointForKeypointDetection", "image", dict(encoder_hidden_sizes=[16, 16, 24, 24], decoder_hidden_size=32,
                                                                           descriptor_decoder_dim=32)),
    "upernet": ("UperNetForSemanticSegmentation", "image", dict(backbone_config=dict(BACKBONE, out_features=["stage1", "stage2", "stage3", "stage4"]),
                                                                hidden_size=24, auxiliary_in_channels=32, num_labels=6, pool_scales=[1, 2])),
    "videomae": ("VideoMAEModel", "clip", dict(IMAGE, num_frames=4, tubelet_size=2)),
    "timesformer": ("TimesformerModel", "clip", dict(IMAGE, num_frames=4)),
    "vivit": ("VivitModel", "clip", dict(IMAGE, num_frames=4, tubelet_size=[2, 16, 16])),
}
MULTIMODAL = {
    "clip": ("CLIPModel", "image_text", dict(TOWERS, projection_dim=40)),
    "clip_vision": ("CLIPVisionModelWithProjection", "image", dict(IMAGE, projection_dim=40)),
    "siglip": ("SiglipModel", "image_text", TOWERS),
    "altclip_vision": ("AltCLIPVisionModel", "image", IMAGE),
    "chinese_clip": ("ChineseCLIPModel", "image_text", dict(TOWERS, projection_dim=40)),
    "clipseg": ("CLIPSegForImageSegmentation", "image_text", dict(TOWERS, projection_dim=40, reduce_dim=16, extract_layers=[0, 1],
                                                                  decoder_num_attention_heads=4, decoder_intermediate_size=48)),
    "blip_vision": ("BlipVisionModel", "image", IMAGE),
    "vilt": ("ViltModel", "image_text", dict(TEXT, image_size=64, patch_size=16, max_image_length=-1)),
    "groupvit_text": ("GroupViTTextModel", "ids", TEXT),
    "owlvit_vision": ("OwlViTVisionModel", "image", IMAGE),
    "trocr": ("TrOCRForCausalLM", "ids", dict(PAIR, d_model=WIDTH)),
}
AUDIO = {
    "wav2vec2": ("Wav2Vec2ForCTC", "wave", SPEECH),
    "wav2vec2_layer_norm": ("Wav2Vec2Model", "wave", dict(SPEECH, feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)),
    "wav2vec2_conformer": ("Wav2Vec2ConformerModel", "wave", dict(SPEECH, position_embeddings_type="relative", conv_depthwise_kernel_size=7)),
    "wav2vec2_bert": ("Wav2Vec2BertModel", "features", dict(SIZES, feature_projection_input_dim=40, conv_depthwise_kernel_size=7)),
    "hubert": ("HubertModel", "wave", SPEECH),
    "wavlm": ("WavLMModel", "wave", SPEECH),
    "unispeech_sat": ("UniSpeechSatModel", "wave", SPEECH),
    "data2vec_audio": ("Data2VecAudioModel", "wave", SPEECH),
    "sew": ("SEWModel", "wave", dict(SPEECH, squeeze_factor=2)),
    "sew_d": ("SEWDModel", "wave", dict(SPEECH, squeeze_factor=2, max_position_embeddings=64, position_buckets=8, pos_att_type=("p2c", "c2p"),
                                        relative_attention=True, share_att_key=True, norm_rel_ebd="layer_norm")),
    "whisper": ("WhisperModel", "mel", dict(PAIR, num_mel_bins=20, max_source_positions=30, max_target_positions=40)),
    "speech_to_text": ("Speech2TextModel", "speech_pair", dict(PAIR, input_feat_per_channel=20, max_source_positions=90, max_target_positions=40,
                                                               conv_channels=48, num_conv_layers=2, conv_kernel_sizes=(5, 5))),
    "audio_spectrogram_transformer": ("ASTModel", "spectrogram", dict(SIZES, num_mel_bins=32, max_length=60, patch_size=16)),
    "encodec": ("EncodecModel", "codec", dict(num_filters=8, hidden_size=16, upsampling_ratios=[4, 2], num_lstm_layers=1, codebook_size=32,
                                              codebook_dim=16, target_bandwidths=[96.0], sampling_rate=24000)),
    "moonshine": ("MoonshineModel", "moonshine", dict(vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=112, encoder_num_hidden_layers=2,
                                                      decoder_num_hidden_layers=2, encoder_num_attention_heads=4, decoder_num_attention_heads=4,
                                                      max_position_embeddings=96)),
}
SERIES = {
    "patchtst": ("PatchTSTModel", "series", dict(num_input_channels=3, context_length=32, patch_length=8, patch_stride=4, d_model=24, ffn_dim=40,
                                                 num_attention_heads=4, num_hidden_layers=2)),
    "patchtsmixer": ("PatchTSMixerModel", "series", dict(num_input_channels=3, context_length=32, patch_length=8, patch_stride=4, d_model=24)),
}
FAMILIES = {"text encoder": TEXT_ENCODERS, "text decoder": DECODERS, "encoder-decoder": ENCODER_DECODERS, "vision": VISION,
            "image and text": MULTIMODAL, "speech": AUDIO, "time series": SERIES}


def _ids(n=TOKENS):
    return torch.randint(3, VOCABULARY, (1, n))


def _mask(n=TOKENS):
    return (torch.arange(n) < int(torch.randint(n // 2, n + 1, ()))).long()[None]


# kind: (names of the inputs, one tuple of inputs)
INPUTS = {
    "ids": (("input_ids",), lambda: (_ids(),)),
    "masked": (("input_ids", "attention_mask"), lambda: (_ids(), _mask())),
    "masked32": (("input_ids", "attention_mask"), lambda: (_ids(32), _mask(32))),
    "pair": (("input_ids", "attention_mask", "decoder_input_ids"), lambda: (_ids(), _mask(), _ids(7))),
    "image": (("pixel_values",), lambda: (torch.randn(1, 3, 64, 64),)),
    "clip": (("pixel_values",), lambda: (torch.randn(1, 4, 3, 64, 64),)),
    "image_text": (("input_ids", "pixel_values", "attention_mask"), lambda: (_ids(11), torch.randn(1, 3, 64, 64), _mask(11))),
    "wave": (("input_values",), lambda: (torch.randn(1, 1200),)),
    "features": (("input_features",), lambda: (torch.randn(1, 23, 40),)),
    "mel": (("input_features", "decoder_input_ids"), lambda: (torch.randn(1, 20, 60), _ids(7))),
    "speech_pair": (("input_features", "decoder_input_ids"), lambda: (torch.randn(1, 61, 20), _ids(7))),
    "spectrogram": (("input_values",), lambda: (torch.randn(1, 60, 32),)),
    "codec": (("input_values",), lambda: (torch.randn(1, 1, 960),)),
    "moonshine": (("input_values", "decoder_input_ids"), lambda: (torch.randn(1, 3000), _ids(7))),
    "series": (("past_values",), lambda: (torch.randn(1, 32, 3),)),
}


def _build(model, names, settings):
    import_torchvision()
    import transformers

    kind = getattr(transformers, model)
    config = kind.config_class(**settings)
    fixed = {"use_cache": False} if hasattr(config, "use_cache") else {}
    return Select(kind(config), names, **fixed)


def networks():
    for family, members in FAMILIES.items():
        for name, (model, inputs, settings) in members.items():
            names, make = INPUTS[inputs]
            yield Network(f"transformers/{name}", family, functools.partial(_build, model, names, settings), make)

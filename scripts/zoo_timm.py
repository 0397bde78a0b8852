"""Architectures of timm: of every family, the smallest of each different block structure."""
import functools

import torch

from zoo_network import Network, import_torchvision

# family: names. `naflexvit` takes patches of any resolution as a dictionary or images; here images.
FAMILIES = {
    "beit": "beit_base_patch16_224 beitv2_base_patch16_224",
    "byoanet": "botnet26t_256 eca_botnext26ts_256 eca_halonext26ts halonet26t lambda_resnet26t lambda_resnet26rpt_256 sehalonet33ts haloregnetz_b",
    "byobnet": "bat_resnext26ts eca_resnext26ts gcresnext26ts gernet_s mobileone_s0 mobileone_s4 regnetz_b16 regnetz_b16_evos regnetz_d8 "
               "repvgg_a0 repvgg_b1g4 repvgg_d2se resnet32ts resnet50_clip resnet50_mlp resnet51q resnext26ts seresnext26ts",
    "cait": "cait_xxs24_224",
    "coat": "coat_lite_tiny coat_tiny",
    "convit": "convit_tiny",
    "convmixer": "convmixer_768_32",
    "convnext": "convnext_atto convnext_atto_ols convnext_atto_rms convnext_tiny_hnf convnext_zepto_rms convnextv2_atto",
    "cpubone": "cpubone_nano cpubone_b1_dwnorm",
    "crossvit": "crossvit_tiny_240 crossvit_9_dagger_240",
    "csatv2": "csatv2",
    "cspnet": "cs3darknet_s cs3darknet_focus_s cs3sedarknet_l cs3edgenet_x cspresnet50 cspresnext50 cspdarknet53 darknet17 darknetaa53 sedarknet21",
    "cspnext": "cspnext_tiny",
    "davit": "davit_tiny davit_base_fl",
    "deepseek_vit": "deepseek_vit_412m",
    "deit": "deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 deit3_small_patch16_224",
    "densenet": "densenet121 densenetblur121d",
    "dla": "dla34 dla46x_c dla60_res2net dla60_res2next",
    "dpn": "dpn48b dpn68",
    "edgenext": "edgenext_xx_small edgenext_small_rw",
    "efficientformer": "efficientformer_l1",
    "efficientformer_v2": "efficientformerv2_s0",
    "efficientnet": "efficientnet_b0 efficientnet_b0_gn efficientnet_b0_g16_evos efficientnet_blur_b0 efficientnet_cc_b0_4e efficientnet_es "
                    "efficientnet_lite0 efficientnet_x_b3 efficientnetv2_rw_t gc_efficientnetv2_rw_t fbnetc_100 mixnet_s mnasnet_small "
                    "mobilenet_edgetpu_v2_xs mobilenetv1_100h mobilenetv2_035 semnasnet_050 spnasnet_100 tf_efficientnet_b0 "
                    "tf_efficientnetv2_b0 tf_mixnet_s tinynet_e",
    "efficientvim": "efficientvim_m1",
    "efficientvit_mit": "efficientvit_b0 efficientvit_l1",
    "efficientvit_msra": "efficientvit_m0",
    "eva": "eva02_tiny_patch14_224 vit_small_patch16_rope_224 vit_small_patch16_rope_mixed_ape_224 vit_tiny_patch16_dinov3_qkvb "
           "vit_small_patch16_dinov3 vit_pe_core_tiny_patch16_384 vit_medium_patch16_rope_reg1_gap_256",
    "fasternet": "fasternet_t0",
    "fastvit": "fastvit_t8 fastvit_sa12 fastvit_mci0",
    "focalnet": "focalnet_tiny_srf focalnet_tiny_lrf",
    "gcvit": "gcvit_xxtiny",
    "gemma4_vit": "gemma4_vit_167m",
    "ghostnet": "ghostnet_050 ghostnetv2_100 ghostnetv3_050",
    "hardcorenas": "hardcorenas_a",
    "hgnet": "hgnet_tiny hgnetv2_b0",
    "hiera": "hiera_tiny_224 hiera_small_abswin_256",
    "hieradet_sam2": "sam2_hiera_tiny",
    "hrnet": "hrnet_w18_small",
    "iformer": "iformer_t",
    "inception_next": "inception_next_atto",
    "inception_resnet_v2": "inception_resnet_v2",
    "inception_v3": "inception_v3",
    "inception_v4": "inception_v4",
    "lcnetv2": "lcnetv2_small",
    "levit": "levit_128s levit_conv_128s levit_256d",
    "lowformer": "lowformer_b0 lowformer_e1",
    "mambaout": "mambaout_femto mambaout_small_rw",
    "maxxvit": "coatnet_nano_rw_224 coatnet_nano_cc_224 coatnet_rmlp_nano_rw_224 coatnext_nano_rw_224 coatnet_bn_0_rw_224 maxvit_pico_rw_256 "
               "maxvit_rmlp_pico_rw_256 maxvit_tiny_tf_224 maxvit_tiny_pm_256 maxxvit_rmlp_nano_rw_256 maxxvitv2_nano_rw_256",
    "metaformer": "caformer_s18 convformer_s18 poolformer_s12 poolformerv2_s12",
    "mlp_mixer": "gmixer_12_224 gmlp_ti16_224 mixer_s32_224 resmlp_12_224",
    "mobilenetv3": "fbnetv3_b lcnet_035 mobilenetv3_small_050 mobilenetv3_rw mobilenetv4_conv_small_035 mobilenetv4_conv_aa_medium "
                   "mobilenetv4_conv_blur_medium mobilenetv4_hybrid_medium_075 tf_mobilenetv3_small_minimal_100",
    "mobilenetv5": "mobilenetv5_base",
    "mobilevit": "mobilevit_xxs mobilevitv2_050",
    "mvitv2": "mvitv2_tiny mvitv2_small_cls",
    "naflexvit": "naflexvit_base_patch16_gap naflexvit_base_patch16_map",
    "nasnet": "nasnetalarge",
    "nest": "nest_tiny nest_tiny_jx",
    "nextvit": "nextvit_small",
    "nfnet": "dm_nfnet_f0 eca_nfnet_l0 nf_ecaresnet26 nf_regnet_b0 nf_resnet26 nf_seresnet26 nfnet_l0",
    "pit": "pit_ti_224 pit_ti_distilled_224",
    "pnasnet": "pnasnet5large",
    "pvt_v2": "pvt_v2_b0 pvt_v2_b2_li",
    "qwen3_vit": "qwen3_vit_88m",
    "rdnet": "rdnet_tiny",
    "regnet": "regnetx_002 regnety_002 regnetv_040 regnetz_005 regnety_040_sgn",
    "repghost": "repghostnet_050",
    "repvit": "repvit_m0_9 repvit_m1",
    "res2net": "res2net50_48w_2s res2net50d res2next50",
    "resnest": "resnest14d resnest50d_1s4x24d",
    "resnet": "resnet10t resnet18 resnet18d resnet26t resnet50_gn resnet50s ecaresnet26t ecaresnext26t_32x4d resnetaa34d resnetblur18 resnetrs50 "
              "resnext50_32x4d seresnet18 seresnext26d_32x4d seresnextaa101d_32x8d senet154 wide_resnet50_2",
    "resnetv2": "resnetv2_18 resnetv2_18d resnetv2_50d_evos resnetv2_50d_frn resnetv2_50d_gn resnetv2_50x1_bit",
    "rexnet": "rexnet_100 rexnetr_100",
    "selecsls": "selecsls42b selecsls60",
    "senet": "legacy_seresnet18 legacy_seresnext26_32x4d",
    "sequencer": "sequencer2d_s",
    "shvit": "shvit_s1",
    "sknet": "skresnet18 skresnext50_32x4d",
    "starnet": "starnet_s050",
    "swiftformer": "swiftformer_xs",
    "swin_transformer": "swin_tiny_patch4_window7_224 swin_s3_tiny_224",
    "swin_transformer_v2": "swinv2_tiny_window8_256 swinv2_base_window12to16_192to256",
    "swin_transformer_v2_cr": "swinv2_cr_tiny_224 swinv2_cr_tiny_ns_224",
    "tiny_vit": "tiny_vit_5m_224",
    "tnt": "tnt_s_patch16_224 tnt_s_legacy_patch16_224",
    "tresnet": "tresnet_m tresnet_v2_l",
    "twins": "twins_pcpvt_small twins_svt_small",
    "vgg": "vgg11 vgg11_bn",
    "visformer": "visformer_tiny",
    "vision_transformer": "vit_tiny_patch16_224 vit_base_patch16_rpn_224 vit_base_patch16_18x2_224 vit_base_patch16_xp_224 "
                          "vit_base_patch32_clip_quickgelu_224 vit_base_patch16_siglip_gap_224 vit_base_patch16_siglip_224 "
                          "vit_dwee_patch16_reg1_gap_256 vit_dpwee_patch16_reg1_gap_256 vit_dlittle_patch16_reg1_gap_256 "
                          "vit_small_patch14_dinov2 vit_small_patch14_reg4_dinov2 flexivit_small beit3_base_patch16_224",
    "vision_transformer_hybrid": "vit_tiny_r_s16_p8_224 vit_small_r26_s32_224 vit_small_resnet26d_224 vit_base_mci_224",
    "vision_transformer_relpos": "vit_relpos_small_patch16_224 vit_relpos_base_patch16_clsgap_224 vit_srelpos_small_patch16_224 "
                                 "vit_relpos_small_patch16_rpn_224",
    "vision_transformer_sam": "samvit_base_patch16_224",
    "vitamin": "vitamin_small_224",
    "volo": "volo_d1_224",
    "vovnet": "vovnet39a eca_vovnet39b ese_vovnet19b_slim ese_vovnet19b_slim_dw ese_vovnet39b_evos",
    "xception": "legacy_xception",
    "xception_aligned": "xception41 xception41p",
    "xcit": "xcit_nano_12_p16_224 xcit_tiny_12_p8_224",
}
# The size at which the architecture is built, where its own is larger than a test needs.
SIZES = {"cait_xxs24_224": 96, "vit_pe_core_tiny_patch16_384": 96, "vit_small_patch14_dinov2": 98,
         "vit_small_patch14_reg4_dinov2": 98, "flexivit_small": 96, "hiera_tiny_224": 224, "deit3_small_patch16_224": 96,
         "vit_base_patch16_18x2_224": 64, "vit_base_patch16_rpn_224": 64, "vit_base_patch16_xp_224": 64, "beit_base_patch16_224": 64,
         "beitv2_base_patch16_224": 64, "beit3_base_patch16_224": 64, "vit_base_patch16_siglip_224": 64, "vit_base_patch16_siglip_gap_224": 64,
         "naflexvit_base_patch16_gap": 64, "naflexvit_base_patch16_map": 64}
# The size alone, where the constructor takes none.
INPUTS = {"inception_v3": 299, "inception_v4": 299, "inception_resnet_v2": 299, "nasnetalarge": 128, "pnasnet5large": 128, "mobilenetv5_base": 128,
          "convmixer_768_32": 96, "bat_resnext26ts": 256, "eca_halonext26ts": 256, "halonet26t": 256, "sehalonet33ts": 256, "haloregnetz_b": 224,
          "deepseek_vit_412m": 98, "csatv2": 128, "vgg11": 224, "vgg11_bn": 224, "sam2_hiera_tiny": 128}


@functools.cache
def _size(name):
    import_torchvision()
    import timm

    if name in SIZES or name in INPUTS:
        return SIZES.get(name) or INPUTS[name]
    settings = timm.get_pretrained_cfg(name)
    if settings is None:
        return 224
    side = settings.input_size[-1]
    return side if settings.fixed_input_size else min(side, 96)


def _build(name):
    import_torchvision()
    import timm

    options = {"img_size": SIZES[name]} if name in SIZES else {}
    return timm.create_model(name, pretrained=False, num_classes=100, **options)


def _image(name):
    side = _size(name)
    return (torch.randn(1, 3, side, side),)


def networks():
    for family, names in FAMILIES.items():
        for name in names.split():
            yield Network(f"timm/{name}", family, functools.partial(_build, name), functools.partial(_image, name))

"""Every classification, segmentation and video architecture of torchvision."""
import functools

from zoo_network import Network, Select, import_torchvision

CLASSIFICATION = """alexnet convnext_base convnext_large convnext_small convnext_tiny densenet121 densenet161 densenet169 densenet201
efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7
efficientnet_v2_l efficientnet_v2_m efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5 mnasnet0_75 mnasnet1_0 mnasnet1_3
mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_16gf regnet_x_1_6gf regnet_x_32gf regnet_x_3_2gf regnet_x_400mf
regnet_x_800mf regnet_x_8gf regnet_y_128gf regnet_y_16gf regnet_y_1_6gf regnet_y_32gf regnet_y_3_2gf regnet_y_400mf regnet_y_800mf
regnet_y_8gf resnet101 resnet152 resnet18 resnet34 resnet50 resnext101_32x8d resnext101_64x4d resnext50_32x4d shufflenet_v2_x0_5
shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0 squeezenet1_0 squeezenet1_1 swin_b swin_s swin_t swin_v2_b swin_v2_s
swin_v2_t vgg11 vgg11_bn vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn vit_b_16 vit_b_32 vit_h_14 vit_l_16 vit_l_32 wide_resnet101_2
wide_resnet50_2""".split()
SEGMENTATION = """deeplabv3_mobilenet_v3_large deeplabv3_resnet101 deeplabv3_resnet50 fcn_resnet101 fcn_resnet50
lraspp_mobilenet_v3_large""".split()
VIDEO = "mc3_18 mvit_v1_b mvit_v2_s r2plus1d_18 r3d_18 s3d swin3d_b swin3d_s swin3d_t".split()

# Smaller than their training size where the architecture allows it; the rest at 96 pixels. The deepest EfficientNets amplify rounding too much
# when BatchNorm has taken its statistics from maps of 3 by 3.
SIZES = {"alexnet": 128, "efficientnet_b7": 192, "efficientnet_v2_m": 192, "efficientnet_v2_l": 192, "inception_v3": 299, "maxvit_t": 224,
         "vit_b_16": 64, "vit_l_16": 64, "vit_b_32": 96, "vit_l_32": 96, "vit_h_14": 56}
BUILD = {"googlenet": dict(init_weights=False, aux_logits=False), "inception_v3": dict(init_weights=False, aux_logits=False)}


def _images(*shape):
    import torch

    return (torch.randn(1, 3, *shape),)


def _classifier(name):
    size = SIZES.get(name, 96)
    options = dict(BUILD.get(name, {}))
    if name.startswith("vit_"):
        options["image_size"] = size
    return getattr(import_torchvision().models, name)(weights=None, **options)


def _segmentation(name):
    build = getattr(import_torchvision().models.segmentation, name)
    return Select(build(weights=None, weights_backbone=None), outputs=("out",))


def _video(name):
    return getattr(import_torchvision().models.video, name)(weights=None)


def _clip(name):
    """Frames, height and width; the vision transformers of video have their positions for one size."""
    return {"mvit_v1_b": (16, 224, 224), "mvit_v2_s": (16, 224, 224), "s3d": (16, 224, 224)}.get(name, (8, 64, 64))


def networks():
    for name in CLASSIFICATION:
        size = SIZES.get(name, 96)
        yield Network(f"torchvision/{name}", "classification", functools.partial(_classifier, name), functools.partial(_images, size, size))
    for name in SEGMENTATION:
        yield Network(f"torchvision/{name}", "segmentation", functools.partial(_segmentation, name), functools.partial(_images, 96, 128))
    for name in VIDEO:
        yield Network(f"torchvision/{name}", "video", functools.partial(_video, name), functools.partial(_images, *_clip(name)))

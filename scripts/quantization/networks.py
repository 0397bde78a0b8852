"""The small networks that are trained for judging quantization: four classifiers and a detector."""
import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 10


def conv(i, o, k=3, stride=1, groups=1, act=nn.ReLU6):
    layers = [nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, act()) if act else nn.Sequential(*layers)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.expand(F.silu(self.reduce(F.adaptive_avg_pool2d(x, 1)))))


class InvertedResidual(nn.Module):
    """Expand, depthwise, project; a skip where shapes allow. With `squeeze` as in EfficientNet."""

    def __init__(self, i, o, stride, expand=4, k=3, act=nn.ReLU6, squeeze=False):
        super().__init__()
        hidden = i * expand
        layers = [conv(i, hidden, 1, act=act), conv(hidden, hidden, k, stride, hidden, act)]
        if squeeze:
            layers.append(SqueezeExcite(hidden, max(4, i // 4)))
        self.body = nn.Sequential(*layers, conv(hidden, o, 1, act=None))
        self.skip = stride == 1 and i == o

    def forward(self, x):
        return x + self.body(x) if self.skip else self.body(x)


class MobileNet(nn.Module):
    """After MobileNetV2: residuals, depthwise layers, ReLU6."""

    def __init__(self, act=nn.ReLU6, squeeze=False):
        super().__init__()
        block = lambda *a, k=3: InvertedResidual(*a, k=k, act=act, squeeze=squeeze)
        self.stem = conv(3, 12, act=act)
        self.blocks = nn.Sequential(
            block(12, 16, 2), block(16, 16, 1), block(16, 24, 2), block(24, 24, 1, k=5 if squeeze else 3), block(24, 24, 1),
            block(24, 40, 2), block(40, 40, 1, k=5 if squeeze else 3), block(40, 40, 1))
        self.head = conv(40, 128, 1, act=act)
        self.dropout, self.classifier = nn.Dropout(0.2), nn.Linear(128, CLASSES)

    def forward(self, x):
        x = self.head(self.blocks(self.stem(x)))
        return self.classifier(self.dropout(F.adaptive_avg_pool2d(x, 1).flatten(1)))


class EfficientNet(MobileNet):
    """After EfficientNet: squeeze-excite, SiLU, some kernels of 5."""

    def __init__(self):
        super().__init__(act=nn.SiLU, squeeze=True)


class EncoderBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.heads = heads

    def attention(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, tokens, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Transformer(nn.Module):
    """After ViT: patches of 4, a class token, pre-norm blocks with GELU."""

    def __init__(self, width=64, depth=4, heads=4):
        super().__init__()
        self.patches = nn.Sequential(nn.Conv2d(3, width // 2, 3, 2, 1), nn.GELU(), nn.Conv2d(width // 2, width, 2, 2))
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 65, width))
        self.blocks = nn.Sequential(*[EncoderBlock(width, heads) for _ in range(depth)])
        self.norm, self.classifier = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.classifier(self.norm(self.blocks(x))[:, 0])


class RowLstm(nn.Module):
    """A digit of 8x8 pixels read row by row, in both directions, by two layers of LSTM."""

    def __init__(self, cells=24):
        super().__init__()
        self.lstm = nn.LSTM(8, cells, 2, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * cells, CLASSES)

    def forward(self, x):
        return self.classifier(self.lstm(x)[0][:, -1])


class Bottleneck(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.left, self.right = conv(i, o // 2, 1, act=nn.SiLU), conv(i, o // 2, 1, act=nn.SiLU)
        self.inner = conv(o // 2, o // 2, 3, act=nn.SiLU)
        self.out = conv(o, o, 1, act=nn.SiLU)

    def forward(self, x):
        left = self.left(x)
        return self.out(torch.cat([left + self.inner(left), self.right(x)], 1))


class Detector(nn.Module):
    """After YOLO: two scales joined by upsampling and concatenation; one output [N, 180, 8] of x1 y1 x2 y2 in pixels,
    objectness and three class scores."""

    strides, outputs = (8, 16), 5 + 3

    def __init__(self, side=96):
        super().__init__()
        act = nn.SiLU
        self.stem = nn.Sequential(conv(3, 12, stride=2, act=act), conv(12, 24, stride=2, act=act))
        self.stage3 = nn.Sequential(conv(24, 40, stride=2, act=act), Bottleneck(40, 40))
        self.stage4 = nn.Sequential(conv(40, 64, stride=2, act=act), Bottleneck(64, 64))
        self.lateral = conv(64, 40, 1, act=act)
        self.top_down = Bottleneck(80, 40)
        self.down = conv(40, 40, stride=2, act=act)
        self.bottom_up = Bottleneck(80, 64)
        self.heads = nn.ModuleList([nn.Sequential(conv(c, 48, act=act), nn.Conv2d(48, self.outputs, 1)) for c in (40, 64)])
        for head in self.heads:
            nn.init.constant_(head[-1].bias[4:], -3.0)
        grids, scales = [], []
        for stride in self.strides:
            cells = torch.arange(side // stride, dtype=torch.float32)
            y, x = torch.meshgrid(cells, cells, indexing="ij")
            grids.append(torch.stack([x, y], -1).reshape(1, -1, 2))
            scales.append(torch.full((1, len(cells) ** 2, 1), float(stride)))
        self.register_buffer("grid", torch.cat(grids, 1))
        self.register_buffer("stride", torch.cat(scales, 1))

    def raw(self, x):
        """[N, 180, 8] before the decoding."""
        c3 = self.stage3(self.stem(x))
        up = self.lateral(self.stage4(c3))
        p3 = self.top_down(torch.cat([F.interpolate(up, scale_factor=2.0, mode="nearest"), c3], 1))
        p4 = self.bottom_up(torch.cat([self.down(p3), up], 1))
        return torch.cat([head(p).flatten(2) for head, p in zip(self.heads, (p3, p4))], 2).transpose(1, 2)

    def decode(self, raw):
        centre = (raw[..., 0:2].sigmoid() * 2 - 0.5 + self.grid) * self.stride
        half = raw[..., 2:4].exp() * self.stride * 0.5
        return torch.cat([centre - half, centre + half, raw[..., 4:].sigmoid()], -1)

    def forward(self, x):
        return self.decode(self.raw(x))


NETWORKS = {"digits_mobilenet": MobileNet, "digits_efficientnet": EfficientNet, "digits_transformer": Transformer,
            "digits_lstm": RowLstm, "shapes_detector": Detector}

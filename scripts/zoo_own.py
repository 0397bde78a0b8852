"""Audio and detection networks written for the zoo."""
import functools

import torch
import torch.nn.functional as F
from torch import nn

from zoo_network import Network


def conv(i, o, k=3, s=1, act=nn.ReLU, **options):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, bias=False, **options), nn.BatchNorm2d(o), act())


# ---------------------------------------------------------------- audio


class TemporalBlock(nn.Module):
    """A residual block of Conv-TasNet: pointwise, dilated depthwise, pointwise, with global layer norms."""

    def __init__(self, channels, hidden, dilation):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(channels, hidden, 1), nn.PReLU(), nn.GroupNorm(1, hidden),
            nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation, groups=hidden), nn.PReLU(), nn.GroupNorm(1, hidden))
        self.residual, self.skip = nn.Conv1d(hidden, channels, 1), nn.Conv1d(hidden, channels, 1)

    def forward(self, x):
        y = self.body(x)
        return x + self.residual(y), self.skip(y)


class ConvTasNet(nn.Module):
    """Separates a waveform into sources by masks over a learned basis."""

    def __init__(self, basis=64, channels=32, hidden=48, sources=2):
        super().__init__()
        self.sources, self.basis = sources, basis
        self.encode = nn.Conv1d(1, basis, 16, stride=8, bias=False)
        self.enter = nn.Sequential(nn.GroupNorm(1, basis), nn.Conv1d(basis, channels, 1))
        self.blocks = nn.ModuleList(TemporalBlock(channels, hidden, 2**i) for i in range(5))
        self.mask = nn.Sequential(nn.PReLU(), nn.Conv1d(channels, basis * sources, 1), nn.Sigmoid())
        self.decode = nn.ConvTranspose1d(basis, 1, 16, stride=8, bias=False)

    def forward(self, wave):
        w = F.relu(self.encode(wave))
        x, total = self.enter(w), 0
        for block in self.blocks:
            x, skip = block(x)
            total = total + skip
        masked = self.mask(total).view(wave.shape[0], self.sources, self.basis, -1) * w.unsqueeze(1)
        return self.decode(masked.flatten(0, 1)).view(wave.shape[0], self.sources, -1)


class Crnn(nn.Module):
    """Text or sound event recognition: convolutions, then a bidirectional GRU along time, log probabilities for CTC."""

    def __init__(self, classes=37):
        super().__init__()
        self.features = nn.Sequential(conv(1, 16), nn.MaxPool2d(2), conv(16, 32), nn.MaxPool2d((2, 1)), conv(32, 48), nn.MaxPool2d((2, 1)))
        self.rnn = nn.GRU(48 * 4, 40, 2, bidirectional=True)
        self.head = nn.Linear(80, classes)

    def forward(self, x):
        y = self.features(x)
        y, _ = self.rnn(y.flatten(1, 2).permute(2, 0, 1))
        return self.head(y).log_softmax(-1)


class WaveEncoder(nn.Module):
    """Strided convolutions over the waveform with a positional grouped convolution and transformer layers."""

    def __init__(self, width=64):
        super().__init__()
        strides = [(10, 5), (3, 2), (3, 2), (2, 2)]
        self.convs = nn.ModuleList(nn.Conv1d(1 if i == 0 else width, width, k, s, bias=False) for i, (k, s) in enumerate(strides))
        self.norm = nn.GroupNorm(width, width)
        self.position = nn.Conv1d(width, width, 16, padding=8, groups=4)
        layer = nn.TransformerEncoderLayer(width, 4, 128, activation="gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, wave):
        x = wave.unsqueeze(1)
        for i, c in enumerate(self.convs):
            x = c(x)
            x = F.gelu(self.norm(x) if i == 0 else x)
        x = x + F.gelu(self.position(x)[:, :, :-1])
        return self.layers(x.transpose(1, 2))


class SpectrogramUNet(nn.Module):
    """Masks a magnitude spectrogram of an odd number of bins; the way up is cropped to the way down."""

    def __init__(self, widths=(16, 24, 40)):
        super().__init__()
        self.down, self.up, before = nn.ModuleList(), nn.ModuleList(), 2
        for w in widths:
            self.down.append(nn.Sequential(nn.Conv2d(before, w, 5, 2, 2), nn.BatchNorm2d(w), nn.LeakyReLU(0.2)))
            before = w
        for i, w in reversed(list(enumerate((2, *widths[:-1])))):
            self.up.append(nn.ConvTranspose2d(before, w, 5, 2, 2, output_padding=1))
            before = 2 * w if i else w

    def forward(self, magnitude):
        x, skips = torch.log1p(magnitude.abs()), []
        for d in self.down:
            skips.append(x)
            x = d(x)
        for u in self.up:
            skip = skips.pop()
            x = F.relu(u(x)[..., : skip.shape[-2], : skip.shape[-1]])
            x = torch.cat([x, skip], 1) if skips else x
        return magnitude * torch.sigmoid(x)


class WaveNet(nn.Module):
    """Causal dilated convolutions with gates."""

    def __init__(self, width=32, classes=64):
        super().__init__()
        self.enter = nn.Embedding(classes, width)
        self.gates = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=2**i) for i in range(6))
        self.outs = nn.ModuleList(nn.Conv1d(width, 2 * width, 1) for _ in range(6))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(), nn.Conv1d(width, classes, 1))

    def forward(self, codes):
        x, total = self.enter(codes).transpose(1, 2), 0
        for i, (gate, out) in enumerate(zip(self.gates, self.outs)):
            a, b = gate(F.pad(x, (2**i, 0))).chunk(2, 1)
            residual, skip = out(torch.tanh(a) * torch.sigmoid(b)).chunk(2, 1)
            x, total = x + residual, total + skip
        return self.head(total)


class Denoiser(nn.Module):
    """A Demucs-like waveform network: gated strided convolutions, an LSTM in the middle, transposed convolutions."""

    def __init__(self, widths=(24, 40)):
        super().__init__()
        self.down, self.up, before = nn.ModuleList(), nn.ModuleList(), 1
        for w in widths:
            self.down.append(nn.Sequential(nn.Conv1d(before, w, 8, 4), nn.ReLU(), nn.Conv1d(w, 2 * w, 1), nn.GLU(1)))
            self.up.insert(0, nn.Sequential(nn.Conv1d(w, 2 * w, 1), nn.GLU(1), nn.ConvTranspose1d(w, before, 8, 4)))
            before = w
        self.rnn = nn.LSTM(before, before, batch_first=True)

    def forward(self, wave):
        scale = wave.std(-1, keepdim=True) + 1e-3
        x, skips = wave / scale, []
        for d in self.down:
            x = d(x)
            skips.append(x)
        x = self.rnn(x.transpose(1, 2))[0].transpose(1, 2)
        for i, u in enumerate(self.up):
            x = u(x + skips.pop())
            x = F.relu(x) if i + 1 < len(self.up) else x
        return x * scale


class KeywordSpotter(nn.Module):
    """A waveform's mel spectrogram, in decibels, then depthwise convolutions."""

    def __init__(self, bands=24, classes=12):
        super().__init__()
        self.register_buffer("window", torch.hann_window(256))
        self.bands = nn.Parameter(torch.rand(bands, 129))
        self.features = nn.Sequential(conv(1, 24, 3, 2), conv(24, 24, groups=24), conv(24, 40, 1), conv(40, 40, groups=40), conv(40, 48, 1))
        self.head = nn.Linear(48, classes)

    def forward(self, wave):
        power = torch.stft(wave, 256, 100, window=self.window, return_complex=True).abs().square()
        decibels = 10 * torch.log10((self.bands @ power).clamp_min(1e-10))
        decibels = torch.maximum(decibels, decibels.amax((-2, -1), keepdim=True) - 80)
        return self.head(self.features(decibels.unsqueeze(1)).mean((-2, -1)))


class SpectralMask(nn.Module):
    """Speech enhancement: a recurrent net's mask on the magnitudes, the phases as they are, and the waveform again."""

    def __init__(self, size=128, width=48):
        super().__init__()
        self.size, bins = size, size // 2 + 1
        self.register_buffer("window", torch.hann_window(size))
        self.rnn = nn.GRU(bins, width, batch_first=True)
        self.mask = nn.Linear(width, bins)

    def forward(self, wave):
        spectrum = torch.stft(wave, self.size, self.size // 4, window=self.window, return_complex=True)
        hidden, _ = self.rnn(spectrum.abs().log1p().transpose(1, 2))
        mask = torch.sigmoid(self.mask(hidden)).transpose(1, 2)
        masked = torch.polar(spectrum.abs() * mask, spectrum.angle())
        return torch.istft(masked, self.size, self.size // 4, window=self.window, length=wave.shape[-1])


class FourierOperator(nn.Module):
    """A Fourier neural operator along a signal: the lowest frequencies are mixed by complex weights."""

    def __init__(self, width=16, modes=12, depth=3):
        super().__init__()
        self.enter, self.leave = nn.Conv1d(2, width, 1), nn.Conv1d(width, 1, 1)
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(width, width, modes, dtype=torch.cfloat) / width) for _ in range(depth))
        self.skips = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(depth))

    def forward(self, x):
        x = self.enter(x)
        for weight, skip in zip(self.weights, self.skips):
            spectrum = torch.fft.rfft(x)
            mixed = torch.zeros_like(spectrum)
            mixed[:, :, :weight.shape[-1]] = torch.einsum("bik,iok->bok", spectrum[:, :, :weight.shape[-1]], weight)
            x = F.gelu(torch.fft.irfft(mixed, n=x.shape[-1]) + skip(x))
        return self.leave(x)


class Conformer(nn.Module):
    """One conformer block over log-mel features with convolutional subsampling."""

    def __init__(self, width=48):
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(1, 8, 3, 2), nn.SiLU(), nn.Conv2d(8, 8, 3, 2), nn.SiLU())
        self.project = nn.Linear(8 * 9, width)
        feed = lambda: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 96), nn.SiLU(), nn.Linear(96, width))
        self.first, self.last = feed(), feed()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.attend = nn.MultiheadAttention(width, 4, batch_first=True)
        self.gate = nn.Sequential(nn.Conv1d(width, 2 * width, 1), nn.GLU(1))
        self.mix = nn.Sequential(nn.Conv1d(width, width, 15, padding=7, groups=width), nn.BatchNorm1d(width), nn.SiLU(), nn.Conv1d(width, width, 1))

    def forward(self, mel):
        x = self.project(self.enter(mel.unsqueeze(1)).permute(0, 2, 1, 3).flatten(2))
        x = x + 0.5 * self.first(x)
        n = self.norms[0](x)
        x = x + self.attend(n, n, n, need_weights=False)[0]
        x = x + self.mix(self.gate(self.norms[1](x).transpose(1, 2))).transpose(1, 2)
        return self.norms[2](x + 0.5 * self.last(x))


# ---------------------------------------------------------------- detection


class Pyramid(nn.Module):
    """A small backbone with a feature pyramid of strides 4, 8 and 16."""

    def __init__(self, width=32, act=nn.ReLU):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16, 3, 2, act), conv(16, 24, 3, 2, act))
        self.stages = nn.ModuleList([nn.Sequential(conv(24, 40, 3, 2, act), conv(40, 40, 3, 1, act)), conv(40, 64, 3, 2, act)])
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in (24, 40, 64))
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(3))

    def forward(self, x):
        levels = [self.stem(x)]
        for s in self.stages:
            levels.append(s(levels[-1]))
        merged = [l(x) for l, x in zip(self.lateral, levels)]
        for i in (1, 0):
            merged[i] = merged[i] + F.interpolate(merged[i + 1], size=merged[i].shape[-2:], mode="nearest")
        return [s(m) for s, m in zip(self.smooth, merged)]


def flat(x, channels):
    """(N, A*C, H, W) to (N, H*W*A, C)."""
    n, _, h, w = x.shape
    return x.view(n, -1, channels, h, w).permute(0, 3, 4, 1, 2).reshape(n, -1, channels)


def cells(x, stride):
    """The centers of the cells of a feature map, (H*W, 2)."""
    y, x = torch.meshgrid(torch.arange(x.shape[-2]), torch.arange(x.shape[-1]), indexing="ij")
    return (torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride


class Ssd(nn.Module):
    """Boxes decoded from default boxes, class probabilities."""

    def __init__(self, anchors=3, classes=5):
        super().__init__()
        self.classes, self.pyramid = classes, Pyramid()
        self.boxes = nn.ModuleList(nn.Conv2d(32, anchors * 4, 3, padding=1) for _ in range(3))
        self.scores = nn.ModuleList(nn.Conv2d(32, anchors * classes, 3, padding=1) for _ in range(3))
        self.register_buffer("sizes", torch.tensor([[8.0, 8.0], [12.0, 6.0], [6.0, 12.0]]))

    def forward(self, image):
        levels = self.pyramid(image)
        offsets = torch.cat([flat(b(x), 4) for b, x in zip(self.boxes, levels)], 1)
        scores = torch.cat([flat(s(x), self.classes) for s, x in zip(self.scores, levels)], 1)
        defaults = []
        for i, x in enumerate(levels):
            c = cells(x, 4 * 2**i)
            centers, sizes = c[:, None].expand(-1, 3, 2), (self.sizes * 2**i)[None].expand(len(c), 3, 2)
            defaults.append(torch.cat([centers, sizes], -1).view(-1, 4))
        d = torch.cat(defaults)
        center = d[:, :2] + offsets[..., :2] * 0.1 * d[:, 2:]
        half = d[:, 2:] * torch.exp(offsets[..., 2:] * 0.2) / 2
        return torch.cat([center - half, center + half], -1), scores.softmax(-1)


class CrossStage(nn.Module):
    """A cross-stage-partial block."""

    def __init__(self, i, o):
        super().__init__()
        act, h = nn.SiLU, o // 2
        self.a, self.b, self.join = conv(i, h, 1, act=act), conv(i, h, 1, act=act), conv(o, o, 1, act=act)
        self.body = nn.Sequential(conv(h, h, 1, act=act), conv(h, h, 3, act=act))

    def forward(self, x):
        a = self.a(x)
        return self.join(torch.cat([a + self.body(a), self.b(x)], 1))


class Yolo(nn.Module):
    """Cross-stage blocks, pyramid pooling, upsampling and concatenation, boxes decoded against grids and anchors."""

    def __init__(self, classes=4):
        super().__init__()
        act = nn.SiLU
        self.classes = classes
        self.stem = nn.Sequential(conv(3, 16, 5, 2, act), conv(16, 24, 3, 2, act), CrossStage(24, 24), conv(24, 40, 3, 2, act), CrossStage(40, 40))
        self.deep = nn.Sequential(conv(40, 64, 3, 2, act), CrossStage(64, 64))
        self.squeeze, self.expand = conv(64, 32, 1, act=act), conv(128, 64, 1, act=act)
        self.lateral, self.fuse = conv(64, 40, 1, act=act), CrossStage(80, 40)
        self.heads = nn.ModuleList([nn.Conv2d(40, 3 * (5 + classes), 1), nn.Conv2d(64, 3 * (5 + classes), 1)])
        self.register_buffer("anchors", torch.tensor([[[10.0, 13], [16, 30], [33, 23]], [[30.0, 61], [62, 45], [59, 119]]]))

    def forward(self, image):
        a = self.stem(image)
        b = self.squeeze(self.deep(a))
        pools = [b]
        for _ in range(3):
            pools.append(F.max_pool2d(pools[-1], 5, 1, 2))
        b = self.expand(torch.cat(pools, 1))
        a = self.fuse(torch.cat([F.interpolate(self.lateral(b), scale_factor=2.0), a], 1))
        found = []
        for head, x, anchors, stride in zip(self.heads, (a, b), self.anchors, (8, 16)):
            n, _, h, w = x.shape
            y = head(x).view(n, 3, 5 + self.classes, h, w).permute(0, 1, 3, 4, 2).sigmoid()
            xy, wh, rest = y.split((2, 2, 1 + self.classes), -1)
            grid = cells(x, 1).view(1, 1, h, w, 2) - 1.0
            xy = (xy * 2 + grid) * stride
            wh = (wh * 2) ** 2 * anchors.view(1, 3, 1, 1, 2)
            found.append(torch.cat([xy, wh, rest], -1).view(n, -1, 5 + self.classes))
        return torch.cat(found, 1)


class RetinaNet(nn.Module):
    """Heads shared by the levels of a pyramid that two further strides extend."""

    def __init__(self, anchors=9, classes=6, width=32):
        super().__init__()
        self.classes, self.pyramid = classes, Pyramid(width)
        self.p6, self.p7 = nn.Conv2d(width, width, 3, 2, 1), nn.Conv2d(width, width, 3, 2, 1)
        tower = lambda: nn.Sequential(*[m for _ in range(2) for m in (nn.Conv2d(width, width, 3, padding=1), nn.ReLU())])
        self.score = nn.Sequential(tower(), nn.Conv2d(width, anchors * classes, 3, padding=1))
        self.box = nn.Sequential(tower(), nn.Conv2d(width, anchors * 4, 3, padding=1))

    def forward(self, image):
        levels = self.pyramid(image)
        levels.append(self.p6(levels[-1]))
        levels.append(self.p7(F.relu(levels[-1])))
        scores = torch.cat([flat(self.score(x), self.classes) for x in levels], 1)
        boxes = torch.cat([flat(self.box(x), 4) for x in levels], 1)
        return scores.sigmoid(), boxes


class CenterNet(nn.Module):
    """Heatmap peaks by max pooling, the best of them by top-k, sizes and offsets gathered there."""

    def __init__(self, classes=3, best=10):
        super().__init__()
        self.classes, self.best = classes, best
        self.down = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2), conv(32, 48, 3, 2))
        self.up = nn.Sequential(nn.ConvTranspose2d(48, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        head = lambda o: nn.Sequential(conv(32, 32), nn.Conv2d(32, o, 1))
        self.heat, self.size, self.offset = head(classes), head(2), head(2)

    def forward(self, image):
        x = self.up(self.down(image))
        heat, size, offset = self.heat(x).sigmoid(), self.size(x), self.offset(x)
        heat = heat * (F.max_pool2d(heat, 3, 1, 1) == heat).float()
        n, _, h, w = heat.shape
        score, index = heat.flatten(1).topk(self.best, dim=1)
        kind, cell = index // (h * w), index % (h * w)
        pick = lambda m: m.flatten(2).gather(2, cell[:, None].expand(n, 2, self.best)).transpose(1, 2)
        center = torch.stack([cell % w, cell // w], -1).float() + pick(offset)
        half = pick(size) / 2
        return torch.cat([center - half, center + half], -1), score, kind


class Fcos(nn.Module):
    """Anchor-free heads with group norms, a learned scale a level and centerness."""

    def __init__(self, classes=5, width=32):
        super().__init__()
        self.classes, self.pyramid = classes, Pyramid(width)
        tower = lambda: nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.GroupNorm(8, width), nn.ReLU())
        self.kinds, self.places = tower(), tower()
        self.score, self.box, self.center = (nn.Conv2d(width, o, 3, padding=1) for o in (classes, 4, 1))
        self.scales = nn.Parameter(torch.ones(3))

    def forward(self, image):
        scores, boxes = [], []
        for i, x in enumerate(self.pyramid(image)):
            a, b = self.kinds(x), self.places(x)
            s = (self.score(a).sigmoid() * self.center(b).sigmoid()).sqrt()
            d = torch.exp(self.box(b) * self.scales[i]).flatten(2).transpose(1, 2)
            c = cells(x, 4 * 2**i)
            scores.append(s.flatten(2).transpose(1, 2))
            boxes.append(torch.cat([c - d[..., :2], c + d[..., 2:]], -1).clamp(min=0))
        return torch.cat(scores, 1), torch.cat(boxes, 1)


class QueryDetector(nn.Module):
    """A transformer decoder whose learned queries attend to image features with sine-free learned positions."""

    def __init__(self, width=48, queries=7, classes=4):
        super().__init__()
        self.features = nn.Sequential(conv(3, 16, 3, 2), conv(16, 32, 3, 2), conv(32, width, 3, 2))
        self.rows, self.columns = nn.Parameter(torch.rand(16, width // 2)), nn.Parameter(torch.rand(16, width // 2))
        self.queries = nn.Parameter(torch.rand(queries, width))
        self.transformer = nn.Transformer(width, 4, 1, 2, 96, batch_first=True)
        self.score, self.box = nn.Linear(width, classes + 1), nn.Linear(width, 4)

    def forward(self, image):
        x = self.features(image)
        n, _, h, w = x.shape
        position = torch.cat([self.columns[:w][None].repeat(h, 1, 1), self.rows[:h][:, None].repeat(1, w, 1)], -1).flatten(0, 1)
        y = self.transformer(x.flatten(2).transpose(1, 2) + position, self.queries[None].expand(n, -1, -1))
        return self.score(y), self.box(y).sigmoid()


# ---------------------------------------------------------------- the list

AUDIO = {
    "conv_tasnet": (ConvTasNet, (1, 1640)),
    "crnn": (Crnn, (1, 32, 88)),
    "wave_encoder": (WaveEncoder, (3205,)),
    "spectrogram_unet": (SpectrogramUNet, (2, 65, 50)),
    "denoiser": (Denoiser, (1, 1044)),
    "conformer": (Conformer, (70, 40)),
    "keyword_spotter": (KeywordSpotter, (4000,)),
    "spectral_mask": (SpectralMask, (3000,)),
    "fourier_operator": (FourierOperator, (2, 90)),
}
DETECTION = {"ssd": Ssd, "yolo": Yolo, "retinanet": RetinaNet, "centernet": CenterNet, "fcos": Fcos, "query_detector": QueryDetector}


def _signal(*shape):
    return (torch.randn(1, *shape),)


def networks():
    for name, (build, shape) in AUDIO.items():
        yield Network(f"own/{name}", "audio", build, functools.partial(_signal, *shape))
    yield Network("own/wavenet", "audio", WaveNet, lambda: (torch.randint(0, 64, (1, 100)),))
    for name, build in DETECTION.items():
        yield Network(f"own/{name}", "detection", build, functools.partial(_signal, 3, 96, 128))

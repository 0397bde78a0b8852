"""The networks that the bench judges, and for each the inputs that calibrate and the others that judge."""
import dataclasses
import glob
import os
import re

import numpy as np

import rendered

CALIBRATION = 16


@dataclasses.dataclass
class Data:
    """One array for each input of the network; the first axis counts the examples."""

    calibration: list
    judging: list
    labels: np.ndarray | None = None  # of the judging inputs
    boxes: list | None = None  # of the judging inputs: [k, 5] of x1 y1 x2 y2 class


@dataclasses.dataclass
class Case:
    name: str
    program: str  # the .pt2
    make: object  # () -> Data
    parts: dict = dataclasses.field(default_factory=dict)  # of the only output: name -> slice of its last axis


def photos(folder):
    """Twelve photos, float32 [N, 3, 240, 320] as UltraFace wants them. Six calibrate, six others judge: each as it is, mirrored, and
    its middle cut out."""
    from PIL import Image

    def views(path):
        image = Image.open(path).convert("RGB")
        w, h = image.size
        middle = image.crop((w // 8, h // 8, w - w // 8, h - h // 8))
        for view in (image, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), middle):
            x = np.asarray(view.resize((320, 240), Image.Resampling.BILINEAR), np.float32)
            yield ((x - 127) / 128).transpose(2, 0, 1)

    paths = sorted(glob.glob(os.path.join(folder, "*.jpg")), key=lambda p: int(re.sub(r"\D", "", os.path.basename(p))))
    both = [np.stack([v for p in paths[start::2] for v in views(p)]) for start in (0, 1)]
    return Data([both[0][:CALIBRATION]], [both[1]])


def faces(path):
    """The 28 inputs of O-net: 16 calibrate, the others judge, each as it is and mirrored."""
    x = np.load(path)["x"]
    rest = x[CALIBRATION:]
    return Data([x[:CALIBRATION]], [np.concatenate([rest, rest[..., ::-1]])])


def digit_data(rounds=4):
    """16 training digits calibrate, all test digits judge, each in `rounds` renderings."""
    train, _, test, labels = rendered.digits()
    rng = np.random.default_rng(1)
    calibration = rendered.digit_pictures(rng, train[rng.integers(0, len(train), CALIBRATION)])
    judging = np.concatenate([rendered.digit_pictures(rng, test) for _ in range(rounds)])
    return Data([rendered.unit(calibration)], [rendered.unit(judging)], labels=np.tile(labels, rounds).astype(np.int64))


def row_data(rounds=4):
    """As digit_data, of the plain digits."""
    train, _, test, labels = rendered.digits()
    rng = np.random.default_rng(1)
    calibration = rendered.plain_digits(rng, train[rng.integers(0, len(train), CALIBRATION)])
    judging = np.concatenate([rendered.plain_digits(rng, test) for _ in range(rounds)])
    return Data([calibration], [judging], labels=np.tile(labels, rounds).astype(np.int64))


def scene_data(count=100):
    rng = np.random.default_rng(1)
    calibration, _ = rendered.scenes(rng, CALIBRATION)
    judging, boxes = rendered.scenes(rng, count)
    return Data([rendered.unit(calibration)], [rendered.unit(judging)], boxes=boxes)


def random_data(recorded, count=8):
    """As the recorded example: standard normal floats, or integers below its greatest."""
    z = np.load(recorded)
    rng = np.random.RandomState(1234)
    draw = lambda a, n: (rng.randn(n, *a.shape[1:]).astype(a.dtype) if a.dtype.kind == "f" else
                         rng.randint(0, int(a.max()) + 1, (n, *a.shape[1:])).astype(a.dtype))
    examples = [z[f"in_{i}"] for i in range(sum(k.startswith("in_") for k in z.files))]
    return Data([draw(a, CALIBRATION) for a in examples], [draw(a, count) for a in examples])


DETECTOR_PARTS = {"boxes": slice(0, 4), "objectness": slice(4, 5), "classes": slice(5, 8)}


def cases(shared, trained, references):
    """All cases whose programs are there."""
    found = [
        Case("ultraface", os.path.join(shared, "ultraface/ultraface_rfb320.pt2"), lambda: photos(os.path.join(shared, "ultraface/images"))),
        Case("mtcnn_onet", os.path.join(shared, "mtcnn/mtcnn_onet.pt2"), lambda: faces(os.path.join(shared, "mtcnn/mtcnn_onet.calib.npz"))),
    ]
    for name in ("digits_mobilenet", "digits_efficientnet", "digits_transformer"):
        found.append(Case(name, os.path.join(trained, name + ".pt2"), digit_data))
    found.append(Case("digits_lstm", os.path.join(trained, "digits_lstm.pt2"), row_data))
    found.append(Case("shapes_detector", os.path.join(trained, "shapes_detector.pt2"), scene_data, DETECTOR_PARTS))
    for path in sorted(glob.glob(os.path.join(references, "*.pt2"))) if references else []:
        if not path.endswith("_decomposed.pt2"):
            found.append(Case(os.path.basename(path)[:-4], path, lambda p=path: random_data(p[:-4] + ".npz")))
    return [c for c in found if os.path.exists(c.program)]

"""Pictures for the trained networks: scikit-learn's handwritten digits on coloured, noisy grounds, and shapes with their boxes.

All pictures are uint8 and follow from the seed alone. Needs numpy, scipy and scikit-learn.
"""
import numpy as np
from scipy.ndimage import map_coordinates

SIDE = 32  # pixels of a digit's picture
SCENE = 96  # pixels of a scene of shapes
SHAPES = ("disk", "square", "triangle")


def digits():
    """(train images, train labels, test images, test labels): float32 [N, 8, 8] in 0..1, split as the demo's."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images = (data.images / 16.0).astype(np.float32)
    train, test, train_y, test_y = train_test_split(images, data.target, test_size=0.3, random_state=0, stratify=data.target)
    return train, train_y, test, test_y


def plain_digits(rng, images):
    """The images moved by up to a pixel, paler or not, with noise: float32 [N, 8, 8] of about 0..1."""
    out = np.empty_like(images)
    for i, image in enumerate(images):
        moved = np.roll(image, rng.integers(-1, 2, 2), (0, 1))
        out[i] = moved * rng.uniform(0.5, 1) + rng.normal(0, 0.12, image.shape)
    return out


def smooth_noise(rng, count, channels, side):
    """[count, channels, side, side] of about -1..1: random grids of three sizes, enlarged and added."""
    out = np.zeros((count, channels, side, side), np.float32)
    for cells, weight in ((2, 0.5), (5, 0.3), (12, 0.2)):
        grid = rng.uniform(-1, 1, (count * channels, cells, cells)).astype(np.float32)
        at = np.linspace(0, cells - 1, side)
        n, y, x = np.meshgrid(np.arange(count * channels), at, at, indexing="ij")
        out += weight * map_coordinates(grid, [n, y, x], order=1).reshape(out.shape)
    return out


def finish(rng, pictures, sigma):
    noise = rng.normal(0, 1, pictures.shape).astype(np.float32) * sigma
    return (np.clip(pictures + noise, 0, 1) * 255).round().astype(np.uint8)


def digit_pictures(rng, images):
    """uint8 [N, 3, 32, 32]: each digit turned, scaled, moved and coloured on a ground of another brightness."""
    count = len(images)
    angle, scale = rng.uniform(-0.3, 0.3, count), rng.uniform(0.75, 1.15, count)
    shift = rng.uniform(-3.5, 3.5, (2, count))
    centred = np.arange(SIDE) - (SIDE - 1) / 2
    y, x = np.meshgrid(centred, centred, indexing="ij")
    c, s = np.cos(angle) / scale / 4, np.sin(angle) / scale / 4
    py, px = y[None] - shift[0, :, None, None], x[None] - shift[1, :, None, None]
    rows = c[:, None, None] * py - s[:, None, None] * px + 3.5
    columns = s[:, None, None] * py + c[:, None, None] * px + 3.5
    n = np.broadcast_to(np.arange(count)[:, None, None], rows.shape)
    ink = map_coordinates(images, [n, rows, columns], order=1, mode="constant").clip(0, 1)[:, None]
    dark = rng.random(count) < 0.5
    ground = np.where(dark[:, None], rng.uniform(0.05, 0.4, (count, 3)), rng.uniform(0.55, 0.95, (count, 3)))
    pen = np.where(dark[:, None], rng.uniform(0.5, 1.0, (count, 3)), rng.uniform(0.0, 0.45, (count, 3)))
    field = ground[:, :, None, None] + 0.25 * smooth_noise(rng, count, 3, SIDE)
    return finish(rng, field * (1 - ink) + pen[:, :, None, None] * ink, rng.uniform(0.01, 0.08, (count, 1, 1, 1)))


def shape_mask(kind, cy, cx, half, turn):
    """Coverage 0..1 of one shape in a scene, and the half extents of its box."""
    y, x = np.meshgrid(np.arange(SCENE) + 0.5 - cy, np.arange(SCENE) + 0.5 - cx, indexing="ij")
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    if kind == 0:
        return np.clip(half - np.hypot(u, v) + 0.5, 0, 1)
    if kind == 1:
        return np.clip(half - np.maximum(abs(u), abs(v)) + 0.5, 0, 1)
    inside = half / 2 - np.maximum.reduce([v, -0.5 * v + 0.866 * u, -0.5 * v - 0.866 * u])
    return np.clip(inside + 0.5, 0, 1)


def scenes(rng, count):
    """(uint8 [N, 3, 96, 96], list of float32 [k, 5]: x1 y1 x2 y2 class, in pixels)."""
    pictures = 0.5 + 0.35 * smooth_noise(rng, count, 3, SCENE)
    boxes = []
    for picture in pictures:
        found, taken = [], np.zeros((SCENE, SCENE), bool)
        for _ in range(rng.integers(1, 6)):
            half, kind, turn = rng.uniform(5, 22), int(rng.integers(3)), rng.uniform(-0.5, 0.5)
            cy, cx = rng.uniform(half, SCENE - half, 2)
            mask = shape_mask(kind, cy, cx, half, turn)
            if taken[mask > 0].mean() > 0.1:
                continue
            taken |= mask > 0
            local = picture[:, mask > 0.5].mean(1)
            colour = np.where(local > 0.5, local - rng.uniform(0.25, 0.5, 3), local + rng.uniform(0.25, 0.5, 3))
            picture[:] = picture * (1 - mask) + colour[:, None, None] * mask
            rows, columns = np.where(mask.max(1) > 0.5)[0], np.where(mask.max(0) > 0.5)[0]
            found.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1, kind])
        boxes.append(np.array(found, np.float32).reshape(-1, 5))
    return finish(rng, pictures, rng.uniform(0.01, 0.1, (count, 1, 1, 1))), boxes


def unit(pictures):
    """float32 in 0..1, torchvision's ToTensor."""
    return pictures.astype(np.float32) / np.float32(255)

"""Trains the networks for judging quantization on one CPU thread and exports them.

usage: python scripts/quantization/train.py tests/quant/data [NAME...]        (torch 2.13.0, scikit-learn, scipy; minutes each)
Writes FOLDER/NAME.pt2, a program of batch 1 with its example, and FOLDER/NAME.npz: in_0 of that example and torch's answer out_0. The
name "samples" writes few inputs for tests: digits_calibration.npz and shapes_calibration.npz (x), digits_judging.npz (x, labels),
shapes_judging.npz (x); rows_calibration.npz and rows_judging.npz are digits_lstm's.
"""
import os
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))
import detection
import judging_data
import networks
import portable
import rendered

BATCH = 64
STEPS = {"digits_mobilenet": 900, "digits_efficientnet": 900, "digits_transformer": 1800, "digits_lstm": 3000,
         "shapes_detector": 1600}
RATE = {"digits_mobilenet": 6e-3, "digits_efficientnet": 6e-3, "digits_transformer": 2e-3, "digits_lstm": 1e-2,
        "shapes_detector": 4e-3}


def optimise(model, name, batches, loss_of):
    steps = STEPS[name]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE[name], weight_decay=2e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE[name], total_steps=steps, pct_start=0.15)
    model.train()
    start, mean = time.monotonic(), None
    for step in range(steps):
        loss = loss_of(model, *next(batches))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 50 == 0:
            print(f"{name} step {step}/{steps} loss {mean:.3f} {time.monotonic() - start:.0f} s", flush=True)
    model.eval()


def pictures_of(name):
    """What makes a network's inputs of images of digits."""
    return rendered.plain_digits if name == "digits_lstm" else lambda rng, images: rendered.unit(rendered.digit_pictures(rng, images))


def digit_batches(rng, pictures):
    train, labels, _, _ = rendered.digits()
    while True:
        pick = rng.integers(0, len(train), BATCH)
        yield torch.from_numpy(pictures(rng, train[pick])), torch.from_numpy(labels[pick])


def digit_loss(model, x, y):
    return F.cross_entropy(model(x), y, label_smoothing=0.02)


def scene_batches(rng):
    while True:
        pictures, boxes = rendered.scenes(rng, 16)
        yield torch.from_numpy(rendered.unit(pictures)), boxes


def accuracy(model, pictures):
    _, _, test, labels = rendered.digits()
    rng = np.random.default_rng(1000)
    pick = np.arange(1080) % len(test)
    x = torch.from_numpy(pictures(rng, test[pick]))
    with torch.no_grad():
        right = (model(x).argmax(1).numpy() == labels[pick]).mean()
    return f"top-1 {100 * right:.2f} % of {len(pick)}"


def average_precision(model):
    pictures, boxes = rendered.scenes(np.random.default_rng(1000), 200)
    with torch.no_grad():
        found = model(torch.from_numpy(rendered.unit(pictures))).numpy()
    return f"mAP50 {100 * detection.mean_average_precision(found, boxes):.1f} %"


def train(name, folder):
    torch.manual_seed(0)
    model = networks.NETWORKS[name]()
    rng = np.random.default_rng(0)
    detector, pictures = name == "shapes_detector", pictures_of(name)
    batches = scene_batches(rng) if detector else digit_batches(rng, pictures)
    optimise(model, name, batches, detection.loss if detector else digit_loss)
    score = average_precision(model) if detector else accuracy(model, pictures)
    print(name, sum(p.numel() for p in model.parameters()), "parameters,", score, flush=True)
    example_rng = np.random.default_rng(2000)
    picture = rendered.unit(rendered.scenes(example_rng, 1)[0]) if detector else pictures(example_rng, rendered.digits()[2][:1])
    x = torch.from_numpy(picture)
    with torch.no_grad():
        portable.save(torch.export.export(model, (x,)), os.path.join(folder, name + ".pt2"))
        np.savez(os.path.join(folder, name + ".npz"), in_0=x.numpy(), out_0=model(x).numpy())


def write_samples(folder):
    digits, scenes = judging_data.digit_data(rounds=1), judging_data.scene_data(count=8)
    rows = judging_data.row_data(rounds=1)
    save = lambda name, **arrays: np.savez_compressed(os.path.join(folder, name), **arrays)
    save("digits_calibration.npz", x=digits.calibration[0])
    save("digits_judging.npz", x=digits.judging[0][:96], labels=digits.labels[:96])
    save("rows_calibration.npz", x=rows.calibration[0])
    save("rows_judging.npz", x=rows.judging[0][:160], labels=rows.labels[:160])
    save("shapes_calibration.npz", x=scenes.calibration[0])
    save("shapes_judging.npz", x=scenes.judging[0])


def main():
    torch.set_num_threads(1)
    folder, names = sys.argv[1], sys.argv[2:] or [*networks.NETWORKS, "samples"]
    os.makedirs(folder, exist_ok=True)
    for name in names:
        write_samples(folder) if name == "samples" else train(name, folder)


if __name__ == "__main__":
    main()

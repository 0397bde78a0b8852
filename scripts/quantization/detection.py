"""A detector's loss for training, and the mean average precision of its answers."""
import numpy as np

POSITIVE_REACH = 1.0  # cells of a level around a box's centre that answer for it
LEVEL_LIMIT = 24.0    # pixels; longer boxes belong to the coarse level
SCORE_FLOOR, OVERLAP_LIMIT = 0.05, 0.5


def targets(boxes, grid, stride):
    """(bool [cells], float32 [cells, 5]) of one picture: which cells answer, and for which box and class."""
    positive, wanted, best = np.zeros(len(grid), bool), np.zeros((len(grid), 5), np.float32), np.full(len(grid), np.inf)
    for box in boxes:
        centre, size = (box[:2] + box[2:4]) / 2, box[2:4] - box[:2]
        level = stride == (8.0 if size.max() < LEVEL_LIMIT else 16.0)
        away = np.abs(centre / stride[:, None] - 0.5 - grid).max(1)
        mine = level & (away < POSITIVE_REACH) & (away < best)
        positive[mine], wanted[mine], best[mine] = True, box, away[mine]
    return positive, wanted


def overlap(a, b, np=np):
    """Intersection over union of boxes x1 y1 x2 y2, along the last axis."""
    lower, upper = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:4], b[..., 2:4])
    side = (upper - lower).clip(0, None)
    inter = side[..., 0] * side[..., 1]
    area = lambda t: (t[..., 2] - t[..., 0]) * (t[..., 3] - t[..., 1])
    return inter / (area(a) + area(b) - inter + 1e-9)


def loss(model, x, boxes):
    """Binary cross entropy of objectness and classes, generalized by 1 - IoU and the distance of the sides."""
    import torch
    from torch.nn import functional as F

    grid, stride = model.grid[0].numpy(), model.stride[0, :, 0].numpy()
    both = [targets(b, grid, stride) for b in boxes]
    positive = torch.from_numpy(np.stack([p for p, _ in both]))
    wanted = torch.from_numpy(np.stack([w for _, w in both]))
    raw = model.raw(x)
    found = model.decode(raw)[positive][:, :4]
    count = max(1, int(positive.sum()))
    box = wanted[positive]
    scale = model.stride[0, :, 0].expand(len(x), -1)[positive]
    regression = (1 - overlap(found, box, torch)).sum() + 0.2 * (F.smooth_l1_loss(found, box[:, :4], reduction="none").sum(1) / scale).sum()
    objectness = F.binary_cross_entropy_with_logits(raw[..., 4], positive.float(), reduction="sum")
    kinds = F.one_hot(box[:, 4].long(), 3).float()
    classes = F.binary_cross_entropy_with_logits(raw[positive][:, 5:], kinds, reduction="sum")
    return (2 * regression + objectness + classes) / count


def detections(answer):
    """[k, 6] of x1 y1 x2 y2 score class, greatest score first, after non-maximum suppression within a class."""
    scores = answer[:, 4:5] * answer[:, 5:]
    cell, kind = np.where(scores > SCORE_FLOOR)
    rows = np.concatenate([answer[cell, :4], scores[cell, kind][:, None], kind[:, None]], 1)
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept = []
    for row in rows:
        if all(k[5] != row[5] or overlap(k, row) <= OVERLAP_LIMIT for k in kept):
            kept.append(row)
    return np.array(kept).reshape(-1, 6)


def mean_average_precision(answers, boxes):
    """Area under precision over recall at an IoU of 0.5, averaged over the classes; answers [N, cells, 8]."""
    found = [detections(a) for a in answers]
    areas = []
    for kind in range(answers.shape[2] - 5):
        total, scored = 0, []
        for rows, truth in zip(found, boxes):
            truth, used = truth[truth[:, 4] == kind], set()
            total += len(truth)
            for row in rows[rows[:, 5] == kind]:
                overlaps = [overlap(row, t) if i not in used else 0 for i, t in enumerate(truth)]
                hit = bool(overlaps) and max(overlaps) >= 0.5
                if hit:
                    used.add(int(np.argmax(overlaps)))
                scored.append((row[4], hit))
        hits = np.array([h for _, h in sorted(scored, key=lambda s: -s[0])], float)
        recall, precision = np.cumsum(hits) / max(total, 1), np.cumsum(hits) / np.arange(1, len(hits) + 1)
        for i in range(len(precision) - 2, -1, -1):
            precision[i] = max(precision[i], precision[i + 1])
        areas.append(float(np.sum(np.diff(np.concatenate([[0], recall])) * precision)) if len(hits) else 0.0)
    return float(np.mean(areas))

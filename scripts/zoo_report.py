"""docs/zoo.md and docs/zoo.json: the zoo's results as Markdown and as data."""
import collections
import json
import re

FLOOR = 97.0
DEPENDENCE = 1e-3
# What stands behind a miss, by its message; else its record's "reason", written by whoever looked into it.
REASONS = [
    (r"aten\.nonzero", "The number of key points depends on the data."),
    (r"GuardOnDataDependentSymNode|UserError", "The model's own Python branches on values that it computes."),
]

HEAD = """# Zoo

Networks of torchvision, timm and transformers and some written for it (`scripts/zoo_own.py`), with random weights: built, exported by
`torch.export`, converted with `--no-verify`, run by LiteRT's own Python interpreter on an input that the export has not seen, and
compared with torch. `make zoo` does it and writes this page; `scripts/zoo.py --help` has the choices.

* *SNR*: of the worst output, in dB; 300 means equal to the last bit. *Depends*: by how much of its rms the output changes with the
  input (the outputs' largest); weights that their constructors leave constant are spread and BatchNorm takes its statistics from random
  inputs, because a network that ignores its input proves nothing.
* *Time*: CPU seconds, user and system, of the whole `atoll convert` process; *wall*: by the clock, beside whatever else the machine did
  (no time where only the clock was read). *MB*: the .pt2 file. *Ops*, *T*: LiteRT operators, TRANSPOSE among them.
"""


def _share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else ""


def _source(name):
    return name.split("/")[0]


def _cell(text):
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def reason(name, record):
    for pattern, text in REASONS:
        if re.search(pattern, f"{name}: {record.get('why', '')}", re.S):
            return text
    return record.get("reason", "")


def _refusals(why):
    """The lines of a message that say what and how often, without places and hints."""
    lines = [l for l in why.splitlines() if re.match(r"error", l)] or why.splitlines()[:2]
    return _cell(" ".join(lines))[:400]


def _summary(results):
    lines = ["| source | networks | torch exports | at least 60 dB | of the exported |", "|---|---|---|---|---|"]
    groups = collections.defaultdict(list)
    for name, r in results.items():
        groups[_source(name)].append(r)
        groups["all"].append(r)
    for source, records in sorted(groups.items(), key=lambda g: g[0] == "all"):
        exported = [r for r in records if r["status"] not in ("not exported", "not built")]
        good = sum(r["status"] == "ok" for r in exported)
        lines.append(f"| {source} | {len(records)} | {len(exported)} | {good} | {_share(good, len(exported))} |")
    return lines


def _time(results):
    timed = {n: r["convert_cpu_s"] for n, r in results.items() if r["status"] == "ok" and "convert_cpu_s" in r}
    if not timed:
        return []
    size = {n: results[n]["weight_mb"] for n in timed}
    over = sorted((n for n in timed if timed[n] > max(1.0, size[n] / 100)), key=timed.get, reverse=True)
    large = [n for n in timed if size[n] >= 100]
    seconds = sorted(timed.values())
    lines = ["", f"Conversion takes {seconds[len(seconds) // 2]:.2f} s (median), {seconds[-1]:.1f} s at most."]
    if large:
        worst = max(large, key=lambda n: timed[n] / size[n])
        lines[-1] += f" Of the {len(large)} files of 100 MB and more, the slowest takes {100 * timed[worst] / size[worst]:.2f} s for each 100 MB ({worst})."
    if over:
        lines.append("Over 1 s, and over 1 s for each 100 MB: " + ", ".join(f"{n} ({timed[n]:.1f} s)" for n in over) + ".")
    return lines


def _misses(results):
    lines = []
    for title, statuses in (("Misses", None), ("What torch itself refuses", ("not exported", "not built"))):
        chosen = [n for n, r in results.items() if r["status"] != "ok" and ((r["status"] in statuses) if statuses else
                  r["status"] not in ("not exported", "not built"))]
        lines += ["", f"## {title}", ""]
        if not chosen:
            lines.append("None.")
            continue
        lines += ["| network | what | message | why |", "|---|---|---|---|"]
        for n in chosen:
            r = results[n]
            why = reason(n, r)
            if r.get("float32_db") is not None:
                why += f" Against float64 torch's own float32 answer has {r['float32_db']:.1f} dB, the file's {r['against_float64_db']:.1f} dB."
            lines.append(f"| {n} | {r['status']} | {_refusals(r.get('why', ''))} | {why.strip()} |")
    return lines


def _number(record, key, form):
    return format(record[key], form) if key in record else ""


def _tables(results):
    lines = []
    families = collections.defaultdict(list)
    for name, r in results.items():
        families[_source(name), r["family"]].append(name)
    for (source, family), names in families.items():
        lines += ["", f"## {source}: {family}", "", "| network | M parameters | MB | time s | wall s | ops | T | SNR dB | depends |", "|---|---|---|---|---|---|---|---|---|"]
        for n in names:
            r = results[n]
            ratio = _number(r, "snr_db", ".0f") if r["status"] == "ok" else f"{_number(r, 'snr_db', '.0f')} **{r['status']}**".strip()
            million = f"{r['parameters'] / 1e6:.2f}" if "parameters" in r else ""
            lines.append(f"| {n.split('/', 1)[1]} | {million} | {_number(r, 'weight_mb', '.1f')} | {_number(r, 'convert_cpu_s', '.2f')} | {_number(r, 'convert_s', '.2f')} | "
                         f"{_number(r, 'operators', 'd')} | {_number(r, 'transposes', 'd')} | {ratio} | {_number(r, 'dependence', '.2g')} |")
    return lines


def _ignoring(results):
    names = [n for n, r in results.items() if r["status"] == "ok" and r["dependence"] < DEPENDENCE]
    return ["", "Networks whose output hardly depends on the input: " + (", ".join(names) if names else "none") + "."]


def markdown(results, listed):
    """`results` by name in the order of the list; `listed` are the names of all networks, also of those without a result."""
    lines = [HEAD, *_summary(results), *_time(results), *_ignoring(results)]
    absent = [n for n in listed if n not in results]
    if absent:
        lines += ["", f"Not run ({len(absent)}): " + ", ".join(absent) + ". `make zoo` takes them up; `make zoo ZOO_ONLY='^NAME$'` runs one."]
    lines += [*_misses(results), *_tables(results)]
    return "\n".join(lines) + "\n"


def data(results):
    """A line a network: its record without the counts of each operator, numbers to four digits."""
    def short(value):
        return float(f"{value:.4g}") if isinstance(value, float) else value

    lines = [f"{json.dumps(n)}: {json.dumps({k: short(v) for k, v in sorted(r.items()) if k != 'kinds'})}" for n, r in sorted(results.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"

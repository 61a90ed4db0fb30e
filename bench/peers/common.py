"""What the peers in Python share: arguments, data, timing in chunks, the line of JSON that is a result. The same method as timing.mjs."""

import argparse
import json
import os
import resource
import statistics
import time

import numpy as np

ROOT = os.environ.get("OAR_BENCH_ROOT", os.path.expanduser("~/.cache/oar-bench"))
parser = argparse.ArgumentParser()
parser.add_argument("--workload", required=True)
parser.add_argument("--mode", default="")
parser.add_argument("--opts", default="")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seconds", type=float, default=2.0)
parser.add_argument("--trace", type=int, default=0)
parser.add_argument("--data", default=f"{ROOT}/data")
parser.add_argument("--tmp", default=f"{ROOT}/tmp")
args = parser.parse_args()
os.makedirs(args.tmp, exist_ok=True)
OPTIONS = args.opts.split(",")
FAMILY, _, KIND = args.workload.partition(".")
TRACE = args.trace or {"W3b": 4, "W4": 24, "W5": 6, "W5b": 8}.get(FAMILY, 10)
PRODUCTS = {
    "g512": (512, 512, 512),
    "g1024": (1024, 1024, 1024),
    "g2048": (2048, 2048, 2048),
    "skinny": (128, 784, 256),
    "bmm": (32, 128, 64, 128),
}


def load(name):
    """An array of the workload's data, as in load("W2_x")."""
    return np.load(f"{args.data}/{name}.npy")


def batches(family):
    """Inputs and labels by batch; ids and labels as int64."""
    x, y = load(f"{family}_x"), load(f"{family}_y").astype(np.int64)
    if x.dtype == np.int32:
        x = x.astype(np.int64)
    return x, y.reshape(y.shape[0], -1)


def emit(metric, value, unit, **more):
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    head = {"peer": os.environ.get("BENCH_PEER", "unknown"), "workload": args.workload, "metric": metric}
    line = {**head, "value": float(f"{value:.6g}"), "unit": unit, "threads": args.threads, "rss_mb": rss, **more}
    print(json.dumps(line), flush=True)


def measure(call, limit=None):
    """Seconds of a call: median of the groups, and best chunk (2 ms or one call)."""
    limit = limit or args.seconds
    clock = time.perf_counter

    def chunk(count):
        began = clock()
        for _ in range(count):
            call()
        return (clock() - began) / count

    first, one = chunk(1), chunk(1)
    if first > max(3, 2 * limit):
        return min(first, one), min(first, one)
    if one < 0.05:
        one = chunk(max(1, int(0.05 / max(one, 1e-7))))
    count = max(1, int(0.002 / max(one, 1e-8)))
    group = max(1, int(limit / 9 / (one * count)))
    groups, best, end = [], float("inf"), clock() + limit
    while len(groups) < 3 or (clock() < end and len(groups) < 36):
        times = [chunk(count) for _ in range(group)]
        groups.append(sum(times) / group)
        best = min(best, *times) if len(times) > 1 else min(best, times[0])
        if one > limit and len(groups) >= 2:
            break
    return statistics.median(groups), best


def emit_time(metric, call, scale, unit, trace, limit=None, **more):
    """Measures a call whose figure is its time, `scale` units a second."""
    median, best = measure(call, limit)
    emit(metric, median * scale, unit, best=best * scale, loss_trace=trace, **more)


def emit_rate(metric, call, amount, unit, trace, limit=None, **more):
    """Measures a call whose figure is an amount a second."""
    median, best = measure(call, limit)
    emit(metric, amount / median, unit, best=amount / best, loss_trace=trace, **more)


def time_training(step, **more):
    """step(i, wanted) is a whole training step and gives its loss when wanted. Losses first, then the steps after them are timed."""
    began = time.perf_counter()
    losses = [float(step(i, True)) for i in range(TRACE)]
    warm = round(time.perf_counter() - began, 3)
    done = iter(range(TRACE, 1 << 60))
    emit_rate("steps_per_s", lambda: step(next(done), False), 1, "steps/s", losses, warm_s=warm, **more)


def sample(values):
    """Five elements by which results are compared."""
    flat = np.asarray(values, dtype=np.float32).ravel()
    return [float(flat[i]) for i in (0, flat.size // 7, flat.size // 3, flat.size // 2, flat.size - 1)]


def giga(size):
    """Floating-point operations of a product, in 10^9."""
    return 2.0 * float(np.prod([float(n) for n in size])) / 1e9


def time_files(tag, save, read, **more):
    """W6: four saves and loads of 100 MB; every page of what was loaded is read, since a load may only map the file."""
    saves, loads = [], []
    for _ in range(4):
        began = time.perf_counter()
        save()
        saves.append(time.perf_counter() - began)
        began = time.perf_counter()
        loaded = read()
        sum(float(np.asarray(v).ravel()[::512].sum()) for v in loaded.values())
        loads.append(time.perf_counter() - began)
    for name, times in (("save", saves), ("load", loads)):
        emit(f"{tag}.{name}", 100 / statistics.median(times), "MB/s", best=100 / min(times), loss_trace=[], **more)


def arrays():
    """The 50 arrays of W6."""
    r = np.random.default_rng(0)
    return {f"t{i}": r.standard_normal((500, 1000), dtype=np.float32) for i in range(50)}

"""Records high-precision values of the mathematical functions for their tests. Needs mpmath.

python3 tools/math-reference.py > src/kernel/fixtures/math-reference.json

Each function has pairs [x, y] (or triples [x, y, f(x, y)]): doubles, the value computed in 60 digits and rounded once.
"""

import ctypes
import json
import math
import random

from mpmath import mp, mpf

mp.dps = 60
random.seed(20260101)


def spread(lo, hi, smallest, count):
    """Numbers in [lo, hi], half of them uniform, half with uniform logarithms of their magnitudes down to `smallest`."""
    out = []
    while len(out) < count:
        if len(out) % 2 == 0:
            out.append(random.uniform(lo, hi))
            continue
        top = max(abs(lo), abs(hi))
        v = 10.0 ** random.uniform(math.log10(smallest), math.log10(top)) * random.choice([-1, 1])
        if lo <= v <= hi:
            out.append(v)
    return out


def erfinv(x):
    y = mp.erfinv(x)
    return y - (mp.erf(y) - x) * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)


UNARY = [
    # name, function, lo, hi, smallest magnitude
    ("exp", mp.exp, -700, 700, 1e-5),
    ("exp2", lambda x: mpf(2) ** x, -1020, 1020, 1e-5),
    ("expm1", mp.expm1, -40, 700, 1e-300),
    ("log", mp.log, 0, 1e300, 1e-300),
    ("log2", lambda x: mp.log(x) / mp.log(2), 0, 1e300, 1e-300),
    ("log10", mp.log10, 0, 1e300, 1e-300),
    ("log1p", mp.log1p, -1, 1e300, 1e-300),
    ("sin", mp.sin, -1e5, 1e5, 1e-300),
    ("cos", mp.cos, -1e5, 1e5, 1e-5),
    ("tan", mp.tan, -1e5, 1e5, 1e-300),
    ("asin", mp.asin, -1, 1, 1e-300),
    ("acos", mp.acos, -1, 1, 1e-5),
    ("atan", mp.atan, -100, 100, 1e-300),
    ("sinh", mp.sinh, -700, 700, 1e-300),
    ("cosh", mp.cosh, -700, 700, 1e-5),
    ("tanh", mp.tanh, -20, 20, 1e-300),
    ("asinh", mp.asinh, -1e10, 1e10, 1e-300),
    ("acosh", mp.acosh, 1, 1e10, 1),
    ("atanh", mp.atanh, -1, 1, 1e-300),
    ("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), -700, 40, 1e-5),
    ("rsqrt", lambda x: 1 / mp.sqrt(x), 0, 1e300, 1e-300),
    ("erf", mp.erf, -6, 6, 1e-300),
    ("erfc", mp.erfc, -6, 26, 1e-5),
    ("erfinv", erfinv, -1, 1, 1e-100),
    ("lgamma", lambda x: mp.re(mp.loggamma(x)) if x > 0 else mp.log(abs(mp.gamma(x))), -20.25, 40, 1e-10),
    ("digamma", mp.digamma, -20.25, 40, 1e-10),
    ("polygamma1", lambda x: mp.psi(1, x), -4.5, 40, 1e-5),
    ("polygamma2", lambda x: mp.psi(2, x), 0, 40, 1e-5),
    ("polygamma5", lambda x: mp.psi(5, x), 0, 40, 1e-5),
    ("i0", lambda x: mp.besseli(0, x), -700, 700, 1e-5),
    ("i0e", lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), -700, 700, 1e-5),
    ("i1", lambda x: mp.besseli(1, x), -700, 700, 1e-100),
    ("i1e", lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), -700, 700, 1e-100),
    ("sinc", lambda x: mp.sin(mp.pi * x) / (mp.pi * x), -20, 20, 1e-5),
]

record = {}
for name, fn, lo, hi, smallest in UNARY:
    record[name] = [[x, float(fn(mpf(x)))] for x in spread(lo, hi, smallest, 50)]

pairs = [[random.uniform(0, 10), random.uniform(-300, 300)] for _ in range(60)]
pairs += [[1 + random.uniform(-1, 1) * 2.0 ** -random.randint(1, 40), random.uniform(-1, 1) * 2.0 ** random.randint(1, 45)] for _ in range(60)]
record["pow"] = [[x, y, float(mpf(x) ** mpf(y))] for x, y in pairs if 1e-300 < abs(mpf(x) ** mpf(y)) < 1e300]
pairs = [[random.uniform(-1, 1) * 10.0 ** random.randint(-5, 5), random.uniform(-1, 1) * 10.0 ** random.randint(-5, 5)] for _ in range(80)]
record["atan2"] = [[y, x, float(mp.atan2(mpf(y), mpf(x)))] for y, x in pairs]


# The C library's logarithms, whose bits Paddle's random streams follow (glibc on a processor with fused multiply-add).
libm = ctypes.CDLL("libm.so.6")
libm.logf.restype, libm.logf.argtypes = ctypes.c_float, [ctypes.c_float]
libm.log.restype, libm.log.argtypes = ctypes.c_double, [ctypes.c_double]
to_float = lambda v: ctypes.c_float(v).value
xs = [random.random() for _ in range(150)] + [1 + random.uniform(-0.08, 0.08) for _ in range(40)] + [math.exp(random.uniform(-80, 80)) for _ in range(30)]
record["libmLogf"] = [[to_float(x), libm.logf(x)] for x in [1.0, *xs]]
record["libmLog"] = [[x, libm.log(x)] for x in [1.0, *xs]]

print("{")
print(",\n".join(f'"{name}": {json.dumps(rows)}' for name, rows in record.items()))
print("}")

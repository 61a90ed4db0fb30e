"""Fits the polynomials of src/kernel/math-tables.ts. Needs mpmath: python3 tools/math-tables.py > src/kernel/math-tables.ts

Every polynomial is a weighted fit at Chebyshev nodes in 60 digits (Lawson's iteration makes it nearly minimax). Coefficients
are rounded to the type one after the other, lowest first, and the rest is fitted again, so that rounding costs little accuracy.
"""

import struct

from mpmath import mp, mpf

mp.dps = 60


def to_f32(v):
    return struct.unpack("f", struct.pack("f", float(v)))[0]


def solve(xs, fs, ws, low, high):
    """Coefficients of x^low … x^high of the least squares fit with squared weights `ws`."""
    n = high - low + 1
    a, b = mp.zeros(n), mp.zeros(n, 1)
    for x, f, w in zip(xs, fs, ws):
        powers = [x ** (low + k) for k in range(n)]
        for i in range(n):
            b[i] += w * powers[i] * f
            for j in range(n):
                a[i, j] += w * powers[i] * powers[j]
    s = mp.lu_solve(a, b)
    return [s[i] for i in range(n)]


def horner(c, x):
    r = mpf(0)
    for k in reversed(c):
        r = r * x + k
    return r


def fit(f, lo, hi, degree, weight, rounding=float):
    """A polynomial p with weight(x) * |p(x) - f(x)| small on [lo, hi]; its rounded coefficients, lowest first, and that error in bits."""
    lo, hi = mpf(lo), mpf(hi)
    n = 5 * (degree + 1)
    xs = [(lo + hi) / 2 + (hi - lo) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    fs = [f(x) for x in xs]
    w2 = [weight(x) ** 2 for x in xs]
    lawson = [mpf(1)] * n
    for _ in range(6):
        c = solve(xs, fs, [w * l for w, l in zip(w2, lawson)], 0, degree)
        errors = [mp.sqrt(w) * abs(horner(c, x) - y) for x, y, w in zip(xs, fs, w2)]
        top = max(errors)
        lawson = [l * (e / top + mpf("0.01")) for l, e in zip(lawson, errors)]
    weights = [w * l for w, l in zip(w2, lawson)]
    done = []
    for k in range(degree + 1):
        rest = [y - horner(done, x) for x, y in zip(xs, fs)]
        done.append(mpf(rounding(solve(xs, rest, weights, k, degree)[0])))
    error = max(mp.sqrt(w) * abs(horner(done, x) - y) for x, y, w in zip(xs, fs, w2))
    return [float(v) for v in done], float(mp.log(error, 2))


def over(f, g, x, at_zero):
    """f/g with its limit at 0."""
    return mpf(at_zero) if abs(x) < mpf("1e-18") else f / g


def root_form(f, at_zero):
    """z -> f(sqrt z), for even functions; with its limit at 0."""
    return lambda z: mpf(at_zero) if z < mpf("1e-30") else f(mp.sqrt(z))


one = lambda x: mpf(1)
half_ln2 = "0.3475"
root_half = (mp.sqrt(mpf(1) / 2) - 1 - mpf("1e-4"), mp.sqrt(2) - 1 + mpf("1e-4"))
log_p = lambda f: mpf(1) / 3 if abs(f) < mpf("1e-15") else (mp.log1p(f) - f + f * f / 2) / f**3
log_w = lambda f: mpf("1e-9") if abs(f) < mpf("1e-9") else abs(f**3 / mp.log1p(f))
exp_q = lambda r: mpf(1) / 2 + r / 6 if abs(r) < mpf("1e-12") else (mp.expm1(r) - r) / r**2
exp_w = lambda r: max(abs(r), mpf("1e-3"))
quarter_pi2 = "0.6180"
sin_p = root_form(lambda r: (mp.sin(r) - r) / r**3, mpf(-1) / 6)
cos_p = root_form(lambda r: (mp.cos(r) - 1 + r * r / 2) / r**4, mpf(1) / 24)
two_root_pi = 2 / mp.sqrt(mp.pi)
ERF_TOP = "3.93"
erfcx = lambda x: mp.exp(x * x) * mp.erfc(x)
ERFC_CENTRE = mpf(4)
from_t = lambda t: ERFC_CENTRE * (1 + t) / (1 - t)
bessel_large = lambda n: lambda v: (lambda x: mp.sqrt(x) * mp.exp(-x) * mp.besseli(n, x))(16 / (v + 1 + mpf("1e-12")))

TABLES = [
    # name, what it is, function, lo, hi, degree, weight, rounding
    ("exp32", "(e^r - 1 - r) / r^2 for |r| <= ln2 / 2, float", exp_q, "-" + half_ln2, half_ln2, 4, exp_w, to_f32),
    ("exp64", "the same, double", exp_q, "-" + half_ln2, half_ln2, 10, exp_w, float),
    ("tanh32", "(tanh x - x) / x^3 in x^2 for |x| <= 0.3, float",
     root_form(lambda x: (mp.tanh(x) - x) / x**3, mpf(-1) / 3), 0, "0.0901", 2, lambda z: z + mpf("1e-3"), to_f32),
    ("log32", "(ln(1 + f) - f + f^2 / 2) / f^3 for 1 + f in [sqrt 1/2, sqrt 2], float", log_p, *root_half, 8, log_w, to_f32),
    ("log64", "(2 artanh s - 2 s) / s^3 in s^2, for s = f / (2 + f), double",
     root_form(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3, mpf(2) / 3), 0, "0.0296", 6, lambda z: z + mpf("1e-4"), float),
    ("pow64", "((2 artanh s - 2 s) / s^3 - 2/3) / s^2 in s^2",
     root_form(lambda s: ((2 * mp.atanh(s) - 2 * s) / s**3 - mpf(2) / 3) / s**2, mpf(2) / 5), 0, "0.0296", 7, lambda z: z * z + mpf("1e-6"), float),
    ("sin32", "(sin r - r) / r^3 in r^2 for |r| <= pi / 4, enough for float", sin_p, 0, quarter_pi2, 3, lambda z: z + mpf("1e-2"), float),
    ("cos32", "(cos r - 1 + r^2 / 2) / r^4 in r^2, enough for float", cos_p, 0, quarter_pi2, 3, lambda z: z * z + mpf("1e-3"), float),
    ("sin64", "as sin32, double", sin_p, 0, quarter_pi2, 5, lambda z: z + mpf("1e-2"), float),
    ("cos64", "as cos32, double", cos_p, 0, quarter_pi2, 5, lambda z: z * z + mpf("1e-3"), float),
    ("atan64", "(atan t - t) / t^3 in t^2 for |t| <= tan(pi / 8)",
     root_form(lambda t: (mp.atan(t) - t) / t**3, mpf(-1) / 3), 0, "0.17165", 10, lambda z: z + mpf("1e-3"), float),
    ("asin64", "(asin t - t) / t^3 in t^2 for |t| <= 1/2",
     root_form(lambda t: (mp.asin(t) - t) / t**3, mpf(1) / 6), 0, "0.2501", 12, lambda z: z + mpf("1e-3"), float),
    ("erf32", "erf(x) / x - 1 in x^2 for |x| <= 1, float",
     root_form(lambda x: mp.erf(x) / x - 1, two_root_pi - 1), 0, 1, 6, one, to_f32),
    ("erf32tail", "-log2 erfc(x) for x in [1, 3.93], float, its effect on erf",
     lambda x: -mp.log(mp.erfc(x), 2), 1, ERF_TOP, 5, lambda x: mp.erfc(x) * mp.log(2), to_f32),
    ("exp2low", "2^-f for |f| <= 1/2, enough for erf32tail", lambda f: mpf(2) ** -f, "-0.5001", "0.5001", 5, one, to_f32),
    ("erf64", "erf(x) / x - 1 in x^2 for |x| <= 1",
     root_form(lambda x: mp.erf(x) / x - 1, two_root_pi - 1), 0, "1.0001", 13, one, float),
    ("erfc64", "(1 + 2x) e^(x^2) erfc(x) in t = (x - 4) / (x + 4) for x in [0, 28]",
     lambda t: (1 + 2 * from_t(t)) * erfcx(from_t(t)), -1, "0.75", 24, one, float),
    ("lgamma64", "lgamma(2 + d) / d for |d| <= 1/2",
     lambda d: 1 - mp.euler if abs(d) < mpf("1e-20") else mp.loggamma(2 + d) / d, "-0.5001", "0.5001", 18, one, float),
    ("i0small", "I0(x) in x^2 for |x| <= 8", root_form(lambda x: mp.besseli(0, x), 1), 0, 64, 15, lambda z: 1 / mp.besseli(0, mp.sqrt(z)), float),
    ("i1small", "I1(x) / x in x^2 for |x| <= 8",
     root_form(lambda x: mp.besseli(1, x) / x, mpf(1) / 2), 0, 64, 15, lambda z: mp.sqrt(z + mpf("1e-30")) / mp.besseli(1, mp.sqrt(z + mpf("1e-30"))), float),
    ("i0large", "sqrt(x) e^-x I0(x) in 16 / x - 1 for x >= 8", bessel_large(0), -1, 1, 17, one, float),
    ("i1large", "sqrt(x) e^-x I1(x) in 16 / x - 1 for x >= 8", bessel_large(1), -1, 1, 17, one, float),
]


def cut(v, bits):
    """v rounded to so many bits."""
    v = mpf(v)
    scale = mpf(2) ** (bits - int(mp.floor(mp.log(abs(v), 2))) - 1)
    return mp.nint(v * scale) / scale


def parts(v, *bits):
    """v as a sum of numbers of so many bits, and a double for the rest."""
    out, rest = [], mpf(v)
    for b in bits:
        out.append(cut(rest, b))
        rest -= out[-1]
    return [float(x) for x in [*out, rest]]


PARTS = [
    ("ln2parts32", "ln 2 as 12 bits and the rest: products with exponents of floats are exact", mp.log(2), (12,)),
    ("ln2parts64", "ln 2 as 40 bits and the rest: products with exponents of doubles are exact", mp.log(2), (40,)),
    ("ln2double", "ln 2 as two doubles", mp.log(2), (53,)),
    ("log2eParts", "1 / ln 2 as 21 bits and the rest", 1 / mp.log(2), (21,)),
    ("log10eParts", "1 / ln 10 as 21 bits and the rest", 1 / mp.log(10), (21,)),
    ("log10of2parts", "log10 2 as 40 bits and the rest", mp.log10(2), (40,)),
    ("halfPiParts", "pi / 2 as twice 33 bits and the rest: products with integers below 2^20 are exact", mp.pi / 2, (33, 33)),
    ("twoThirds", "2 / 3 as two doubles", mpf(2) / 3, (53,)),
    ("halfPi", "pi / 2 as two doubles", mp.pi / 2, (53,)),
]


def main():
    print("// Polynomial coefficients of the mathematical functions, lowest degree first. Written by tools/math-tables.py.")
    for name, what, value, bits in PARTS:
        numbers = parts(value, *bits)
        tuple_type = ", ".join(["number"] * len(numbers))
        print(f"\n/** {what}. */")
        print(f"export const {name}: readonly [{tuple_type}] = {numbers!r};".replace(repr(float(mp.log(2))), "Math.LN2"))
    for name, what, f, lo, hi, degree, weight, rounding in TABLES:
        coefficients, bits = fit(f, lo, hi, degree, weight, rounding)
        print(f"\n/** {what}; error 2^{bits:.1f}. */")
        print(f"export const {name}: readonly number[] = [")
        for c in coefficients:
            print(f"  {c!r},")
        print("];", flush=True)


main()

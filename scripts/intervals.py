"""Means over seeds with their uncertainty."""

import math

import numpy as np

# Student t, 0.975 quantile, 1 to 10 degrees of freedom (scipy.stats.t.ppf).
_T_975 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
_Z_975 = 1.959963985


def t_975(degrees):
    """The 0.975 quantile of Student's t; beyond 10 degrees Abramowitz and Stegun 26.7.5 (2e-4)."""
    if degrees <= len(_T_975):
        return _T_975[degrees - 1]
    z = _Z_975
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )


MIN_SEEDS = 3  # with two, the factor is 12.7 and the interval says nothing that the seeds do not


def mean_interval(values):
    """Mean and 95 % interval (low, high) over independent seeds.

    Fewer than MIN_SEEDS values have no interval: its ends are NaN.
    """
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if len(values) < MIN_SEEDS:
        return mean, math.nan, math.nan
    half = t_975(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def wilson_interval(successes, trials):
    """95 % interval (low, high) of a share, Wilson's (doi:10.1080/01621459.1927.10502953)."""
    z2 = _Z_975 * _Z_975
    share = successes / trials
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z_975 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    half /= 1 + z2 / trials
    return max(0.0, centre - half), min(1.0, centre + half)

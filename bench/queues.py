"""Simulated systems with a known truth: what the verdict is measured against. Every array has shape (runs,
requests)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def poisson_due(rng: np.random.Generator, runs: int, n: int, rate: float) -> Floats:
    """Due times of Poisson arrivals."""
    return np.cumsum(rng.exponential(1 / rate, (runs, n)), axis=1)


def bursty_due(
    rng: np.random.Generator, runs: int, n: int, rate: float, variance: float = 0.5, tau_s: float = 5.0
) -> Floats:
    """Gamma-modulated Cox arrivals: the rate gets a new mean-1 level every `tau_s`, by inverting the area."""
    stretches = int(n / rate / tau_s * 3) + 20
    levels = rng.gamma(1 / variance, variance, (runs, stretches)) * rate
    area = np.concatenate([np.zeros((runs, 1)), np.cumsum(levels * tau_s, axis=1)], axis=1)
    marks = np.cumsum(rng.exponential(1, (runs, n)), axis=1)
    edges = np.arange(stretches + 1) * tau_s
    return np.stack([np.interp(marks[r], area[r], edges) for r in range(runs)])


def lognormal_service(rng: np.random.Generator, runs: int, n: int, mean_s: float = 1.0, sigma: float = 0.8) -> Floats:
    """Lognormal service times of mean `mean_s`."""
    return mean_s * np.exp(sigma * rng.standard_normal((runs, n)) - sigma**2 / 2)


def queue(due: Floats, service: Floats, servers: int) -> Floats:
    """Response times of a first-come first-served queue of `servers` servers, all runs side by side."""
    runs, n = due.shape
    free = np.zeros((runs, servers))
    response = np.empty_like(due)
    each = np.arange(runs)
    for k in range(n):
        soonest = free.argmin(axis=1)
        end = np.maximum(free[each, soonest], due[:, k]) + service[:, k]
        free[each, soonest] = end
        response[:, k] = end - due[:, k]
    return response


def brown_out(
    rng: np.random.Generator, response: Floats, due: Floats, every_s: float, for_s: float, factor: float
) -> Floats:
    """The system is `factor` times slower for `for_s` in every `every_s`, at a random phase."""
    phase = rng.uniform(0, every_s, (len(due), 1))
    return np.where((due + phase) % every_s < for_s, response * factor, response)


def autoregressive(rng: np.random.Generator, runs: int, n: int, phi: float = 0.9, sigma: float = 0.8) -> Floats:
    """AR(1) log latency: neighbours are alike, the margin is lognormal."""
    noise = rng.standard_normal((runs, n)) * np.sqrt(1 - phi**2)
    level = np.empty((runs, n))
    level[:, 0] = rng.standard_normal(runs)
    for k in range(1, n):
        level[:, k] = phi * level[:, k - 1] + noise[:, k]
    return np.exp(sigma * level)


def bimodal(rng: np.random.Generator, runs: int, n: int, slow_share: float = 0.05) -> Floats:
    """Cache hits and misses: a fast and a ten times slower mode."""
    slow = rng.random((runs, n)) < slow_share
    return np.exp(0.3 * rng.standard_normal((runs, n))) * np.where(slow, 10.0, 1.0)

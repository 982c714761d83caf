"""The figures as a person reads them, and as JSON."""

import os
from collections.abc import Iterable
from dataclasses import asdict
from statistics import median
from typing import Any

from floor import FloorRound
from redeploys import Loaded, Neighbour
from warm_push import PushRound

Pair = tuple[FloorRound, PushRound]
FLOOR_PARTS = ("push", "build", "boot", "switch")


def print_pairs(pairs: list[Pair]) -> None:
    floors = [floor for floor, _ in pairs]
    pushes = [push for _, push in pairs if push.live is not None]
    print(f"\n{'seconds':<24}{'median':>8}{'min':>8}{'max':>8}")
    _row("floor", [floor.total for floor in floors])
    for part in FLOOR_PARTS:
        _row(f"  {part}", [getattr(floor, part) for floor in floors])
    _row("push to live", [push.live for push in pushes if push.live is not None])
    for stage in dict.fromkeys(stage for push in pushes for stage in push.stages):
        _row(f"  {stage}", [push.stages[stage] for push in pushes if stage in push.stages])
    _row("return after live", [push.return_after_live for push in pushes])
    ratio = live_to_floor(pairs)
    print(f"push to live / floor: {f'{ratio:.2f}' if ratio else '-'} (medians)")
    codes = [push.exit_code for _, push in pairs]
    print(f"exit codes: {' '.join(map(str, codes))}; live {len(pushes)} of {len(pairs)}")


def print_neighbour(figures: Neighbour) -> None:
    print("\nanother app, median / p99 in ms:")
    print(f"  idle    {figures.idle_median * 1000:7.1f} {figures.idle_p99 * 1000:7.1f}")
    print(f"  pushes  {figures.push_median * 1000:7.1f} {figures.push_p99 * 1000:7.1f}")
    print(f"  p99 in pushes / idle: {figures.ratio:.2f}; lost {figures.lost}")
    print(f"  exit codes: {' '.join(map(str, figures.exit_codes))}")


def print_load(figures: Loaded) -> None:
    counted = ", ".join(f"{name}: {count}" for name, count in sorted(figures.results.items()))
    print(f"\nunder load: {figures.sent} requests, {figures.lost} lost ({counted})")
    print(f"  p99 {figures.p99 * 1000:.1f} ms")
    print(f"  exit codes: {' '.join(map(str, figures.exit_codes))}")


def as_json(
    pairs: list[Pair], neighbour: Neighbour | None, loaded: Loaded | None
) -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "live_to_floor": live_to_floor(pairs),
        "rounds": [
            {"floor": {**asdict(floor), "total": floor.total}, "push": asdict(push)}
            for floor, push in pairs
        ],
        "neighbour": asdict(neighbour) if neighbour else None,
        "load": asdict(loaded) if loaded else None,
    }


def live_to_floor(pairs: list[Pair]) -> float | None:
    """Median push-to-live over the floor's median; None when nothing went live."""
    lives = [push.live for _, push in pairs if push.live is not None]
    return median(lives) / median(floor.total for floor, _ in pairs) if lives else None


def _row(name: str, values: Iterable[float]) -> None:
    ordered = sorted(values)
    if ordered:
        print(f"{name:<24}{median(ordered):8.3f}{ordered[0]:8.3f}{ordered[-1]:8.3f}")

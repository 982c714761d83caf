"""How large deployzero's images are and how long they take, beside Dockerfiles written by hand.

    .venv/bin/python benchmarks/images.py [--rounds 3] [--minutes 11] [--only NAME]... [--json FILE]

See benchmarks/README.md for what is measured and how.
"""

import argparse
import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tabulate import tabulate

# A script's path has its own folder only.
sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import machine
from engine import Engine
from image_builds import ByHand, FreshBases, Image, Ours
from image_samples import SAMPLES, Sample, changed, greeted

WAYS = ("ours", "by hand")
STEPS = ("cold", "line", "dependency")
AT_MOST = 1.1
"""Times the size and the time of the Dockerfile written by hand."""
UNSEEN = 0.1
"""Seconds more that do not count."""
OF_COLD = 0.6
"""What a changed dependency may take."""


@dataclass(frozen=True)
class Measured:
    sample: str
    round: int
    way: str
    step: str
    seconds: float
    megabytes: float
    above_base: float


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    busy = machine.busy_share()
    if busy > machine.BUSY:
        print(f"The machine is busy ({busy:.0%} of its CPUs): ratios may hold, seconds will not")
    folder = Path(tempfile.mkdtemp(prefix="deployzero-bench-"))
    engine = Engine(secrets.token_hex(3))
    try:
        chosen = [s for s in SAMPLES if not options.only or s.name in options.only]
        until = time.monotonic() + options.minutes * 60
        figures = asyncio.run(_measure(chosen, options.rounds, until, folder, engine))
    except KeyboardInterrupt:
        print("Stopped, and cleaned up.", file=sys.stderr)
        return 130
    finally:
        engine.remove_all()
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in figures], indent=2) + "\n")
    return 0 if _print(figures) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="of each sample (3)")
    parser.add_argument(
        "--minutes", type=float, default=11, help="no round begins that would end later (11)"
    )
    parser.add_argument("--only", action="append", choices=[each.name for each in SAMPLES])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


async def _measure(
    samples: list[Sample], rounds: int, until: float, folder: Path, engine: Engine
) -> list[Measured]:
    """Each sample at least once, then as often as time allows."""
    bases = FreshBases(engine)
    ours, by_hand = Ours(folder, engine, bases), ByHand(engine)
    figures, took = [], dict.fromkeys(samples, 0.0)
    try:
        for number in range(1, rounds + 1):
            for sample in samples:
                begun = time.monotonic()
                if number > 1 and begun + took[sample] > until:
                    continue
                for way in WAYS if number % 2 else reversed(WAYS):
                    bases.round = f"{number} {sample.name} {way}"
                    figures += await _round(sample, number, way, ours, by_hand)
                took[sample] = time.monotonic() - begun
    finally:
        await ours.close()
    return figures


async def _round(
    sample: Sample, number: int, way: str, ours: Ours, by_hand: ByHand
) -> list[Measured]:
    """Cold, with one line changed, with one dependency changed: one way to build, on its own."""
    scope = secrets.token_hex(6)
    first = greeted(sample, sample.files(), f"{scope} first")
    second = greeted(sample, sample.files(), f"{scope} second")
    third = changed(second, *sample.dependency)
    base = await ours.bases(first)
    figures = []
    for step, files in zip(STEPS, (first, second, third), strict=True):
        name = f"{sample.name}-{number}-{step}"
        if way == "ours":
            image = await ours.make(name, files, scope)
        else:
            files = {**files, **sample.by_hand()}
            image = await asyncio.to_thread(by_hand.make, name, files, scope, base)
        _say(sample, way, step, image)
        figures.append(
            Measured(
                sample.name, number, way, step, image.seconds, image.megabytes, image.above_base
            )
        )
    return figures


def _say(sample: Sample, way: str, step: str, image: Image) -> None:
    now = time.strftime("%H:%M:%S")
    print(
        f"{now} {sample.name:<8} {way:<8} {step:<11}{image.seconds:7.1f} s"
        f"{image.megabytes:7.1f} MB ({image.above_base:.1f} above the base)",
        flush=True,
    )


def _print(figures: list[Measured]) -> bool:
    """The table of medians; whether every aim is reached."""
    rows, reached = [], True
    for sample in dict.fromkeys(each.sample for each in figures):
        for step in STEPS:
            of = {
                way: [f for f in figures if (f.sample, f.way, f.step) == (sample, way, step)]
                for way in WAYS
            }
            seconds = {way: median(f.seconds for f in of[way]) for way in WAYS}
            cold = median(
                f.seconds for f in figures if (f.sample, f.way, f.step) == (sample, "ours", "cold")
            )
            size = {way: median(f.megabytes for f in of[way]) for way in WAYS}
            above = {way: median(f.above_base for f in of[way]) for way in WAYS}
            ratios = [seconds["ours"] / seconds["by hand"], size["ours"] / size["by hand"]]
            share = seconds["ours"] / cold
            slower = ratios[0] > AT_MOST and seconds["ours"] > seconds["by hand"] + UNSEEN
            late = step == "dependency" and share > OF_COLD
            reached &= not slower and not late and ratios[1] <= AT_MOST
            rows.append([
                f"{sample}, {step}", len(of["ours"]),
                *(f"{seconds[way]:.1f}" for way in WAYS), f"{ratios[0]:.2f}", f"{share:.2f}",
                *(f"{size[way]:.0f} ({above[way]:.1f})" for way in WAYS), f"{ratios[1]:.2f}",
            ])  # fmt: skip
    head = ["", "rounds", "s", "by hand", "ratio", "of cold", "MB (above base)", "by hand", "ratio"]
    print(tabulate(rows, head, tablefmt="github", disable_numparse=True))
    return reached


if __name__ == "__main__":
    sys.exit(main())

"""What every benchmark over a few systems does alike: arguments, rounds, and where results go."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from install import ROOT

RESULTS = ROOT / "bench/results"


def arguments(description: str, systems: dict, clients="1,16,64", rounds=5, more=lambda parser: None) -> argparse.Namespace:
    """`more` adds what only one benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="only these systems, by name: " + ", ".join(systems))
    parser.add_argument("--quick", action="store_true", help="one round of half a second a point")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load at each point")
    parser.add_argument("--clients", default=clients)
    parser.add_argument("--profile", default="release", choices=["release", "dev"], help="dev only to try the harness")
    parser.add_argument("--no-build", action="store_true", help="measure the Rust programs as they are")
    parser.add_argument("--out", type=Path, help="where to write results; by default only full release runs replace bench/results")
    more(parser)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    options.clients = [int(count) for count in options.clients.split(",")]
    options.systems = list(systems)
    if options.peers:
        options.systems = options.peers.split(",")
        unknown = [name for name in options.systems if name not in systems]
        if unknown:
            parser.error(f"no such system: {', '.join(unknown)}; there are {', '.join(systems)}")
    # Whoever ends this also ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return options


def rounds(options, systems: list, visit) -> list[dict]:
    """The samples of all visits. One system runs at a time; nobody is always first, nor always after the same one."""
    samples = []
    for turn in range(options.rounds):
        shift = turn % len(systems)
        for system in systems[shift:] + systems[:shift]:
            print(f"round {turn + 1} of {options.rounds}: {system.name}", file=sys.stderr, flush=True)
            samples += visit(system)
    return samples


def complete(options) -> bool:
    return not options.quick and not options.peers and options.profile == "release"


def folder(options, name: str) -> Path:
    return options.out or (RESULTS if complete(options) else Path(tempfile.mkdtemp(prefix=f"bench-{name}-")))


def end(samples: list[dict], out: Path) -> int:
    """Says what failed; what the program ends with."""
    print(f"\nresults: {out}", file=sys.stderr)
    failed = [sample for sample in samples if sample.get("failure")]
    for sample in failed:
        print(f"FAILED {sample['system']} {sample['work']} @{sample['clients']}: {sample['failure'][:300]}", file=sys.stderr)
    return 1 if failed else 0

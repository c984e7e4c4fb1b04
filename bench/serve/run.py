#!/usr/bin/env python3
"""Measures Windlass beside its peers over HTTP, in one run on one machine.

Every server offers the same tool, `echo`, and is asked the same question in the revisions 2025-11-25 and 2026-07-28. One
server runs at a time; rounds visit all of them in turn, so that whatever else the machine does hits everyone alike. What is
reported is the median of the rounds.

    bench/serve/run.py                      everything, about a quarter of an hour
    bench/serve/run.py --quick              one short round: does it work?
    bench/serve/run.py --peers windlass,rmcp
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

import install  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
from systems import SYSTEMS  # noqa: E402
from wire import REVISIONS  # noqa: E402


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="only these systems, by name: " + ", ".join(SYSTEMS))
    parser.add_argument("--quick", action="store_true", help="one round of half a second a point")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load at each point")
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--profile", default="release", choices=["release", "dev"], help="dev only to try the harness")
    parser.add_argument("--no-build", action="store_true", help="measure the Rust programs as they are")
    parser.add_argument("--out", type=Path, help="where to write results; by default only full release runs replace bench/results")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.5
    options.clients = [int(count) for count in options.clients.split(",")]
    options.systems = list(SYSTEMS)
    if options.peers:
        options.systems = options.peers.split(",")
        unknown = [name for name in options.systems if name not in SYSTEMS]
        if unknown:
            parser.error(f"no such system: {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    return options


def main() -> int:
    options = arguments()
    home = install.prepare(options)
    systems = [SYSTEMS[name](home) for name in options.systems]
    samples = []
    for turn in range(options.rounds):
        # Nobody is always first, nor always after the same one.
        shift = turn % len(systems)
        for system in systems[shift:] + systems[:shift]:
            print(f"round {turn + 1} of {options.rounds}: {system.name}", file=sys.stderr, flush=True)
            samples += measure.visit(system, home, REVISIONS, options.clients, options.seconds)
    complete = not options.quick and not options.peers and options.profile == "release"
    out = options.out or (report.RESULTS if complete else Path(tempfile.mkdtemp(prefix="bench-serve-")))
    failed = [sample for sample in samples if sample.get("failure")]
    report.write(out, samples, systems, options)
    print(report.table(report.rows(samples, systems)))
    print(f"\nresults: {out}", file=sys.stderr)
    for sample in failed:
        print(f"FAILED {sample['system']} {sample['work']} @{sample['clients']}: {sample['failure'][:300]}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

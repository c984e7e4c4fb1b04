#!/usr/bin/env python3
"""Measures sandboxes: Windlass's, over MCP, beside bare bubblewrap, runc and gVisor on the same root file system.

    bench/sandbox/run.py                    everything, about ten minutes
    bench/sandbox/run.py --quick            a few of each: does it work?
    bench/sandbox/run.py --systems windlass-namespace,bwrap
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import peers  # noqa: E402
import report  # noqa: E402
import windlass  # noqa: E402

SYSTEMS = {system.name: system for system in (*windlass.SYSTEMS, *peers.SYSTEMS)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="only these: " + ", ".join(SYSTEMS))
    parser.add_argument("--quick", action="store_true", help="three of each")
    parser.add_argument("--times", type=int, default=40, help="how often each thing is done in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", default="release", choices=["release", "dev"], help="dev only to try the harness")
    parser.add_argument("--no-build", action="store_true", help="measure the programs and the image as they are")
    parser.add_argument("--out", type=lambda text: Path(text).resolve(), help="by default only full release runs replace bench/results")
    options = parser.parse_args()
    if options.quick:
        options.times, options.rounds = 3, 1
    options.systems = options.systems.split(",")
    if unknown := [name for name in options.systems if name not in SYSTEMS]:
        parser.error(f"no such system: {', '.join(unknown)}")
    return options


class Home:
    """Where things are."""

    def __init__(self, options):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windlass"
        target = Path(os.environ.get("CARGO_TARGET_DIR") or cache / "target")
        self.program = target / ("release" if options.profile == "release" else "debug") / "windlass"
        self.guest = target / "x86_64-unknown-linux-musl/guest/windlass-guest"
        self.image = cache / "bench/sandbox-image"
        self.tree = (self.image / "root").resolve()

    def prepare(self, options):
        if options.no_build:
            return
        musl = ["--target", "x86_64-unknown-linux-musl", "-p", "windlass-guest"]
        run(["cargo", "build", "--locked", "--profile", "guest", *musl])
        run(["cargo", "build", "--locked", "--profile", options.profile, "--bin", "windlass"])
        if not (self.image / "image.json").exists():
            run([self.program, "sandbox", "image", "build", "--minimal", "--out", self.image])


def run(command):
    print("+", " ".join(str(part) for part in command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr, cwd=ROOT)


def main() -> int:
    options = arguments()
    home = Home(options)
    home.prepare(options)
    samples, missing = [], {}
    for turn in range(options.rounds):
        shift = turn % len(options.systems)
        # Nobody is always first, nor always after the same one.
        for name in options.systems[shift:] + options.systems[:shift]:
            system = SYSTEMS[name](home)
            if reason := system.missing():
                missing[name] = reason
                continue
            print(f"round {turn + 1} of {options.rounds}: {name}", file=sys.stderr, flush=True)
            samples += [{"system": name, **sample} for sample in system.visit(options.times)]
    everything = set(options.systems) == set(SYSTEMS) and not options.quick and options.profile == "release"
    out = options.out or (ROOT / "bench/results" if everything else Path(tempfile.mkdtemp(prefix="bench-sandbox-")))
    report.write(out, samples, missing, options, SYSTEMS)
    for name, reason in missing.items():
        print(f"NOT MEASURED {name}: {reason}", file=sys.stderr)
    print(f"results: {out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

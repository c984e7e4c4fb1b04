#!/usr/bin/env python3
"""Measures Windlass beside its peers over HTTP, in one run on one machine.

Every server offers the same tool, `echo`, and is asked the same question in the revisions 2025-11-25 and 2026-07-28. One
server runs at a time; rounds visit all of them in turn, so that whatever else the machine does hits everyone alike. What is
reported is the median of the rounds.

    bench/serve/run.py                      everything, about a quarter of an hour
    bench/serve/run.py --quick              one short round: does it work?
    bench/serve/run.py --peers windlass,rmcp
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "common")]
sys.dont_write_bytecode = True

import install  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import runner  # noqa: E402
from systems import SYSTEMS  # noqa: E402
from wire import REVISIONS  # noqa: E402


def main() -> int:
    options = runner.arguments(__doc__, SYSTEMS)
    home = install.prepare(options, SYSTEMS)
    systems = [SYSTEMS[name](home) for name in options.systems]

    def visit(system):
        works = {f"{system.question.tool} {revision}": revision for revision in REVISIONS}
        return measure.visit(system, works, options.clients, options.seconds)

    samples = runner.rounds(options, systems, visit)
    out = runner.folder(options, "serve")
    report.write(out, samples, systems, options)
    return runner.end(samples, out)


if __name__ == "__main__":
    sys.exit(main())

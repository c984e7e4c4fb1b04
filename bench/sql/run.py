#!/usr/bin/env python3
"""Measures one declared query through Windlass, through MCP Toolbox and with a bare loop of tokio-postgres, all of them
asking the same PostgreSQL, in one run on one machine.

PostgreSQL is started for this run in a temporary folder. Everybody is first asked everything once and has to answer the same
rows. Then one system runs at a time; rounds visit all of them in turn, so that whatever else the machine does hits everyone
alike. What is reported is the median of the rounds.

    bench/sql/run.py                      everything, about five minutes without the builds
    bench/sql/run.py --quick              one short round: does it work?
    bench/sql/run.py --peers toolbox,floor
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "common")]
sys.dont_write_bytecode = True

import install  # noqa: E402
import measure  # noqa: E402
import report  # noqa: E402
import runner  # noqa: E402
from check import Check  # noqa: E402
from database import Database  # noqa: E402
from systems import REVISION, SYSTEMS  # noqa: E402


def main() -> int:
    options = runner.arguments(__doc__, SYSTEMS)
    home = install.prepare(options, SYSTEMS)
    with Database() as database:
        systems = [SYSTEMS[name](home, database) for name in options.systems]
        check = Check(database)
        for system in systems:
            print(f"the same rows? {system.name}", file=sys.stderr, flush=True)
            check.ask(system)

        def visit(system):
            return measure.visit(system, {report.WORK: REVISION}, options.clients, options.seconds, database.process)

        samples = runner.rounds(options, systems, visit)
        version = database.version()
    out = runner.folder(options, "sql")
    report.write(out, samples, systems, options, version)
    return runner.end(samples, out)


if __name__ == "__main__":
    sys.exit(main())

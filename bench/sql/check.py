"""Whether everybody answers the same: the rows that PostgreSQL itself tells, whatever form a system gives them."""

import tempfile
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import measure
from systems import NUMBERS, PLACEHOLDER, REVISION, STATEMENT


def moment(value: str) -> datetime:
    told = datetime.fromisoformat(value)
    if told.tzinfo is None:
        raise ValueError(f"a moment without its zone: {value}")
    return told.astimezone(timezone.utc)


def day(value: str) -> date:
    """Some write a day as its midnight."""
    whole, _, rest = value.partition("T")
    if rest.strip("0:.Z+"):
        raise ValueError(f"not a day: {value}")
    return date.fromisoformat(whole)


def exactly(kind: type):
    """What comes as it is, or not at all."""

    def same(value):
        if type(value) is not kind:
            raise ValueError(f"not {kind.__name__}: {value!r}")
        return value

    return same


COLUMNS = {
    "id": lambda value: int(value),
    "name": exactly(str),
    # As a number or as text: what counts are its digits.
    "total": lambda value: Decimal(value),
    "placed_at": moment,
    "due": day,
    "paid": exactly(bool),
}


def normal(rows: list[dict]) -> list[list]:
    for row in rows:
        if list(row) != list(COLUMNS):
            raise ValueError(f"other columns: {', '.join(row)}")
    return [[None if row[name] is None else form(row[name]) for name, form in COLUMNS.items()] for row in rows]


class Check:
    def __init__(self, database):
        self.truth = [normal(rows) for rows in database.truth(STATEMENT, PLACEHOLDER, NUMBERS)]
        assert all(len(rows) == 20 for rows in self.truth)

    def ask(self, system):
        """Asks it everything once. Raises where it answers anything else."""
        log = Path(tempfile.mkstemp(prefix=f"bench-{system.name}-", suffix=".log")[1])
        server = system.start(log)
        try:
            measure.first_answer(system, server)
            for number, expected, body in zip(NUMBERS, self.truth, server.bodies(REVISION), strict=True):
                try:
                    told = normal(system.rows(body))
                except (KeyError, TypeError, ValueError) as error:
                    raise SystemExit(f"{system.name} cannot be understood: {error!r} in {body[:1000]}") from error
                if told != expected:
                    raise SystemExit(f"{system.name} answers something else for {number}: {told} instead of {expected}")
        except (measure.wire.Refused, RuntimeError) as error:
            raise SystemExit(f"{system.name}: {error} {log.read_text(errors='replace')[-1000:]}") from error
        finally:
            server.stop()
            log.unlink(missing_ok=True)

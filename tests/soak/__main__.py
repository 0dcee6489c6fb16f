"""`make soak`: a Larder under mixed load, while its upstreams fail and its operators change what can be changed; at the
end everything has to be as it was.

`python -m tests.soak [--minutes N] [--workers N] [--rate N] [--seed SEED]`. Every request and every deed comes from the
seed, which is printed. Status 1 when something leaked, was told to the wrong one, or went wrong in Larder itself.
"""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

import uvloop

from tests.soak.course import Plan, soaked
from tests.soak.house import HouseError
from tests.soak.report import breaches, shown


def main() -> int:
    """Soak, and report."""
    asked = _asked()
    plan = Plan(asked.seed, 60 * asked.minutes, asked.workers, asked.rate)
    print(f"seed {plan.seed}, {asked.minutes:g} min, {plan.workers} worker(s), {plan.rate:g} requests/s", flush=True)
    with tempfile.TemporaryDirectory(prefix="larder-soak-") as folder:
        try:
            soak = uvloop.run(soaked(plan, Path(folder)))
        except (HouseError, TimeoutError) as error:
            print(f"soak: {error or 'took too long'}", file=sys.stderr)
            return 2
    found = breaches(soak)
    print("\n" + shown(soak, found))
    return 1 if found else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Look for what leaks, and for what breaks."
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of load; usually 10")
    parser.add_argument("--workers", type=int, default=1, help="processes that serve; usually 1")
    parser.add_argument("--rate", type=float, default=150.0, help="requests a second; usually 150")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="as it was printed, to ask for the same again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

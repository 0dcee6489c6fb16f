"""`make prove`: the promises of DESIGN.md §1, observed over real processes that are killed, stopped and parted.

`python -m tests.prove [--rounds N] [--short] [--store redis|sqlite|cluster] [--seed SEED]`. Every event comes from the
seed, which is printed. Status 1 when a promise was broken, with the least that shows it; 2 when Larder did not come
back.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from tests.prove.deployments import STORES
from tests.prove.instances import InstanceError
from tests.prove.report import shown, summary, violations
from tests.prove.rounds import Observed, Round, observe

_ROUNDS = 6
_LONGEST = 300.0  # seconds after which no further round is begun


def main() -> int:
    """Observe, and report."""
    asked = _asked()
    print(f"seed {asked.seed}", flush=True)
    started, observed = perf_counter(), []
    for number in range(asked.rounds):
        if perf_counter() - started > _LONGEST:
            print(f"  {number} of {asked.rounds} rounds in {_LONGEST:.0f} s: the rest is left out")
            break
        one = _round(number, asked)
        try:
            observed.append(_observed(one, asked.window))
        except (InstanceError, TimeoutError, AssertionError) as error:
            print(f"{one.store}, seed {one.seed}: {error or 'took too long'}", file=sys.stderr)
            return 2
        found, seconds = len(violations(observed[-1])), perf_counter() - started
        kills = observed[-1].history.kills
        print(
            f"  {seconds:4.0f} s  round {number + 1} over {one.store}: {kills} killed, {found} violations", flush=True
        )
    broken = [one for one in observed if violations(one)]
    print("\n" + "\n".join([*(shown(one) + "\n" for one in broken), summary(observed)]))
    return 1 if broken else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description="Observe what Larder promises.")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"usually {_ROUNDS}, over all stores in turn")
    parser.add_argument("--short", action="store_true", help="rounds of a few seconds")
    parser.add_argument("--store", choices=STORES, help="only this one")
    parser.add_argument("--window", type=float, help="seconds in which another instance may lag; usually 0")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="as it was printed, to do the same again")
    return parser.parse_args()


def _round(number: int, asked: argparse.Namespace) -> Round:
    store = asked.store or STORES[number % len(STORES)]
    seed = f"{asked.seed}/{number}"
    return (
        Round(store, seed, of_instances=3, of_redis=2, pauses=0.3, calm=1.0, callers=10)
        if asked.short
        else Round(store, seed)
    )


def _observed(one: Round, window: float | None) -> Observed:
    with tempfile.TemporaryDirectory(prefix="larder-prove-") as folder:
        observed = asyncio.run(observe(one, Path(folder)))
    return observed if window is None else observed._replace(terms=observed.terms._replace(window=window))


if __name__ == "__main__":
    sys.exit(main())

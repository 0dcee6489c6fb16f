"""Three machines with two workers each on one Redis, against a reference: any order of fills, purges, reads, crashes,
restarts, lost and late messages, fail-overs. The scheduler's seed is part of an example, so that a failing one replays.

`HYPOTHESIS_PROFILE=far pytest tests/properties/test_machines_and_workers.py` looks further.
"""

import asyncio

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from proxy.messages import ALL, key_tag, partition_tag
from proxy.store.fences import Mode, Validity
from tests.properties.instances import KEYS, MACHINES, WORKERS, World
from tests.properties.network import Lost
from tests.properties.scripted_redis import RedisServer

BODY_TAGS = ("up/in:1", "up/in:2")
PURGEABLE = ("up/thing:1", *BODY_TAGS, partition_tag("p1"), key_tag(b"\1\1" * 8), ALL)
EXAMPLES = settings.default.max_examples // 2

machines = st.sampled_from(MACHINES)
numbers = st.sampled_from(WORKERS)
keys = st.sampled_from(sorted(KEYS))


class InstancesMachine(RuleBasedStateMachine):
    """All that can happen to three machines."""

    @initialize(seed=st.integers(0, 2**16))
    def they_start(self, seed):
        self.world = World(seed)
        self.world.start()
        self.world.run_for(2.0)
        self.tasks = []
        self.flights = []  # worker, what was fetched, when it has landed
        self.fetches = 0
        self.replica = None  # what a replica has that follows no more, and since when

    def teardown(self):
        if hasattr(self, "world"):
            self.world.close()

    def worker(self, machine, number):
        return self.world.machines[machine].workers[number]

    def begin(self, worker, work):
        self.tasks.append(worker.begin(work))

    # -- fetches and reads

    @rule(machine=machines, number=numbers, key=keys)
    def a_fetch_goes_out(self, machine, number, key):
        worker = self.worker(machine, number)
        if worker.serves and not worker.machine.sleeps:
            self.fetches += 1
            fetched = worker.fetch(self.fetches, key, KEYS[key])
            self.flights.append((worker, fetched, asyncio.Event()))

    @precondition(lambda self: self.flights)
    @rule(which=st.integers(0, 9), body=st.frozensets(st.sampled_from(BODY_TAGS), max_size=2))
    def an_answer_lands(self, which, body):
        worker, fetched, landed = self.flights.pop(which % len(self.flights))
        if not worker.is_dead:
            worker.land(fetched, {f"up/thing:{fetched.key[0]}", *body})
            landed.set()

    @precondition(lambda self: self.flights)
    @rule(which=st.integers(0, 9))
    def a_caller_joins_a_flight(self, which):
        worker, fetched, landed = self.flights[which % len(self.flights)]
        if not worker.is_dead:
            self.begin(worker, worker.join(fetched, landed))

    @rule(machine=machines, number=numbers, key=keys)
    def a_read(self, machine, number, key):
        worker = self.worker(machine, number)
        if worker.serves:
            self.begin(worker, worker.read(key, KEYS[key]))

    @rule(key=keys)
    def everybody_reads(self, key):
        for machine in MACHINES:
            for number in WORKERS:
                self.a_read(machine, number, key)

    @rule(tags=st.frozensets(st.sampled_from(BODY_TAGS), max_size=2))
    def everybody_fetches_everything(self, tags):
        flights, self.flights = self.flights, []
        for machine in MACHINES:
            for number in WORKERS:
                for key in sorted(KEYS):
                    self.a_fetch_goes_out(machine, number, key)
        while self.flights:
            self.an_answer_lands(0, tags)
        self.flights = flights
        self.world.loop.run_some(200)

    @rule(machine=machines, number=numbers)
    def memory_is_full(self, machine, number):
        self.worker(machine, number).evict()

    # -- purges

    @rule(
        machine=machines,
        number=numbers,
        tags=st.frozensets(st.sampled_from(PURGEABLE), min_size=1, max_size=2),
        mode=st.sampled_from(Mode),
    )
    def a_purge(self, machine, number, tags, mode):
        worker = self.worker(machine, number)
        if worker.serves:
            self.begin(worker, worker.purge(tags, mode))

    # -- what goes wrong

    @rule(machine=machines, number=numbers)
    def a_worker_crashes(self, machine, number):
        self.world.machines[machine].crash_worker(number)

    @rule(machine=machines)
    def a_machine_crashes(self, machine):
        self.world.machines[machine].crash()

    @rule(machine=machines)
    def a_machine_falls_asleep(self, machine):
        self.world.machines[machine].sleep()

    @rule(machine=machines)
    def a_machine_wakes(self, machine):
        self.world.machines[machine].wake()

    @rule(machine=machines, losses=st.lists(st.sampled_from(Lost), min_size=1, max_size=3))
    def messages_are_lost(self, machine, losses):
        self.world.network.losses[machine] = losses

    @rule(machine=machines, seconds=st.sampled_from([0.2, 0.7, 1.5]))
    def messages_are_late(self, machine, seconds):
        self.world.network.delays[machine] = seconds

    @rule(machine=machines)
    def a_machine_is_parted_from_redis(self, machine):
        self.world.network.cut.add(machine)

    @rule(machine=machines)
    def its_network_is_well_again(self, machine):
        self.world.network.cut.discard(machine)
        self.world.network.delays.pop(machine, None)

    @rule()
    def a_replica_follows_no_more(self):
        self.replica = self.world.network.server.copy(), self.world.loop.time()

    @rule(skew=st.sampled_from([0.0, 0.3, -0.3]))
    def redis_fails_over(self, skew):
        """To the replica that lacks the last writes, or to one that has all."""
        data, since = self.replica or (self.world.network.server.copy(), None)
        self.replica = None
        self.world.fail_over(RedisServer(self.world.wall(skew), data), lost_since=since)

    @rule()
    def redis_restarts_empty(self):
        self.replica = None
        self.world.fail_over(RedisServer(self.world.wall()), lost_since=0.0, is_empty=True)

    # -- what is likely to show something

    @rule(
        purger=st.sampled_from(MACHINES[:2]),
        other=machines,
        trouble=st.sampled_from(["parted", "asleep", "late", "lossy", "restarted"]),
        mode=st.sampled_from(Mode),
        callbacks=st.integers(0, 60),
        early=st.sampled_from([0.0, 0.3, 0.7]),
        seconds=st.sampled_from([0.05, 0.6, 1.1, 3.0]),
    )
    def something_is_purged_while_a_machine_is_in_trouble(
        self, purger, other, trouble, mode, callbacks, early, seconds
    ):
        self.everybody_fetches_everything(frozenset())
        self.world.run_for(0.1)
        if trouble == "late":
            self.messages_are_late(other, 0.7)
        self.a_little_happens(callbacks)
        if trouble == "parted":
            self.a_machine_is_parted_from_redis(other)
        elif trouble == "asleep":
            self.a_machine_falls_asleep(other)
        elif trouble == "lossy":
            self.messages_are_lost(other, [Lost.REPLY, Lost.REPLY, Lost.REQUEST])
        self.world.run_for(early)
        self.a_purge(purger, 1, frozenset({"up/thing:1"}), mode)
        if trouble == "late":
            self.a_machine_is_parted_from_redis(other)
        elif trouble == "restarted":
            self.a_machine_crashes(other)
        self.world.run_for(seconds)
        self.its_network_is_well_again(other)
        self.a_machine_wakes(other)
        self.world.run_for(0.1)

    @rule(
        purger=machines,
        mode=st.sampled_from(Mode),
        is_empty=st.booleans(),
        others=st.frozensets(machines, max_size=2),
        seconds=st.sampled_from([0.05, 0.6, 1.1]),
    )
    def redis_loses_what_was_purged(self, purger, mode, is_empty, others, seconds):
        self.everybody_fetches_everything(frozenset())
        self.world.run_for(0.1)
        self.a_replica_follows_no_more()
        for other in others:
            self.a_machine_is_parted_from_redis(other)
        self.a_purge(purger, 1, frozenset({"up/thing:1"}), mode)
        self.world.run_for(seconds)
        if is_empty:
            self.redis_restarts_empty()
        else:
            self.redis_fails_over(0.3)
        for other in others:
            self.its_network_is_well_again(other)
        self.world.run_for(seconds)
        self.world.run_for(8.0)
        for key in sorted(KEYS):
            self.everybody_reads(key)

    @rule(machine=machines, purger=machines, is_parted=st.booleans(), seconds=st.sampled_from([0.1, 1.1, 3.0]))
    def a_caller_joins_a_flight_that_began_before_a_purge(self, machine, purger, is_parted, seconds):
        flights, self.flights = self.flights, []
        if is_parted:
            self.a_machine_is_parted_from_redis(machine)
        self.a_fetch_goes_out(machine, 1, min(KEYS))
        self.a_purge(purger, 2, frozenset({"up/thing:1"}), Mode.SOFT)
        self.world.run_for(seconds)
        if self.flights:
            self.a_caller_joins_a_flight(0)
            self.world.run_for(0.001)
            self.an_answer_lands(0, frozenset())
        self.its_network_is_well_again(machine)
        self.flights = flights

    @rule(machine=machines, purger=machines, mode=st.sampled_from(Mode))
    def a_worker_restarts_while_redis_is_away(self, machine, purger, mode):
        self.everybody_fetches_everything(frozenset())
        self.world.run_for(0.1)
        self.a_purge(purger, 1, frozenset({"up/thing:1"}), mode)
        self.world.run_for(1.1)
        self.a_machine_crashes(machine)
        self.world.run_for(1.1)
        self.a_machine_is_parted_from_redis(machine)
        self.a_worker_crashes(machine, 2)
        self.world.run_for(3.0)
        self.its_network_is_well_again(machine)
        self.world.run_for(6.0)
        for key in sorted(KEYS):
            self.a_read(machine, 2, key)
        self.world.run_for(0.1)

    # -- time

    @rule(callbacks=st.integers(1, 60))
    def a_little_happens(self, callbacks):
        self.world.loop.run_some(callbacks)

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.1, 0.4, 1.1, 3.0, 8.0]))
    def time_passes(self, seconds):
        self.world.run_for(seconds)

    @rule(seed=st.integers(0, 3))
    def all_is_well_again(self, seed):
        """Then everybody serves, as current, what is fetched from now on."""
        self.world.heal()
        self.world.run_for(10.0)
        for machine in MACHINES:
            for number in WORKERS:
                worker = self.worker(machine, number)
                assert worker.serves
                assert worker.fences.is_coherent
                assert worker.fences.validity(PURGEABLE, worker.fences.number) is Validity.CURRENT
        for key in sorted(KEYS):
            self.everybody_reads(key)
        self.world.run_for(1.0)

    # -- what must hold

    @invariant()
    def no_read_got_what_it_may_not_have(self):
        if not hasattr(self, "world"):
            return
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.remove(task)
            task.result()
        self.world.everybody_looks()
        assert not self.world.loop.troubles


TestInstances = InstancesMachine.TestCase
TestInstances.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

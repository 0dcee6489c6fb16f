"""The credential circuit under any history: a refused credential is asked about once a cooldown, and rests alone."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from policies.credential_circuit import CredentialCircuit

COOLDOWN = 8.0
CREDENTIALS = ("a", "b", "c")
WHO = st.sampled_from(CREDENTIALS)
# Somebody comes with a credential; the upstream refuses or accepts one; or time passes. Whole eighths: sums are exact.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), WHO),
        st.tuples(st.just("ask"), WHO),
        st.tuples(st.sampled_from(["refused", "accepted"]), WHO),
        st.tuples(st.just("pass"), st.sampled_from([0.125, 1.0, 5.0, COOLDOWN])),
    ),
    max_size=80,
)


class Asked:
    """A circuit, and when calls went out that it let through."""

    def __init__(self):
        self.now = 0.0
        self.circuit = CredentialCircuit(COOLDOWN, lambda: self.now)
        self.sent = {name: [] for name in CREDENTIALS}

    def step(self, what, argument):
        """Whether a call went out, where somebody asked."""
        if what == "pass":
            self.now += argument
        elif what == "refused":
            self.circuit.refused(argument, f"{argument} refused")
        elif what == "accepted":
            self.circuit.accepted(argument)
        else:
            return self.ask(argument)
        return None

    def ask(self, name):
        said = self.circuit.refusal(name)
        assert said in (None, f"{name} refused"), "words that were said to another"
        if said is None:
            self.sent[name].append(self.now)
        return said is None


@given(STEPS)
def test_one_that_is_refused_whenever_it_is_asked_about_goes_out_once_in_a_cooldown(steps):
    """Whether a probe reports back, and refused, or never does."""
    asked = Asked()
    for name in CREDENTIALS:
        asked.step("refused", name)
    for what, argument in steps:
        if what != "accepted" and (what != "refused" or asked.sent[argument]):  # nobody refuses what was not sent
            asked.step(what, argument)

    for at in asked.sent.values():
        times = [0.0, *at]  # the refusal that it began with
        assert all(later - earlier >= COOLDOWN for earlier, later in pairwise(times))


@given(STEPS)
def test_after_a_cooldown_in_which_nobody_came_one_may_always_go_out(steps):
    asked = Asked()
    for what in steps:
        asked.step(*what)
    asked.now += COOLDOWN

    assert all(asked.ask(name) for name in CREDENTIALS)


@given(STEPS)
def test_none_is_affected_by_what_befalls_another(steps):
    together = Asked()
    heard = [(what, together.step(*what)) for what in steps]

    for name in CREDENTIALS:
        alone = Asked()
        of_this = [(what, said) for what, said in heard if what[0] == "pass" or what[1] == name]
        assert [alone.step(*what) for what, _ in of_this] == [said for _, said in of_this]


@given(STEPS)
def test_as_many_rest_as_would_hear_a_refusal(steps):
    asked = Asked()
    for what in steps:
        asked.step(*what)
        resting = asked.circuit.resting
        would_hear = sum(asked.circuit.refusal(name) is not None for name in CREDENTIALS)
        assert resting == would_hear

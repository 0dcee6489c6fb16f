"""The credential circuit: one that was refused rests, hears why, and is tried again by one caller at a time."""

import pytest

from policies.credential_circuit import CredentialCircuit

COOLDOWN = 60.0


@pytest.fixture
def circuit(clock):
    return CredentialCircuit(COOLDOWN, clock)


def test_a_credential_that_nobody_refused_may_be_sent(circuit):
    assert circuit.refusal("mine") is None
    assert circuit.resting == 0


def test_one_that_was_refused_rests_and_hears_what_it_was_refused_with(circuit, clock):
    circuit.refused("mine", "no such key")

    for _ in range(3):
        assert circuit.refusal("mine") == "no such key"
        clock.advance(COOLDOWN / 3 - 0.5)
    assert circuit.resting == 1


def test_no_other_rests_with_it(circuit):
    circuit.refused("mine", "no")

    assert circuit.refusal("another") is None


def test_what_it_was_refused_with_last_is_heard(circuit):
    circuit.refused("mine", "unknown")
    circuit.refused("mine", "used up")

    assert circuit.refusal("mine") == "used up"


def test_after_the_cooldown_one_caller_tries_it_and_others_hear_the_refusal(circuit, clock):
    circuit.refused("mine", "no")
    clock.advance(COOLDOWN)
    assert circuit.resting == 0

    assert circuit.refusal("mine") is None

    assert [circuit.refusal("mine") for _ in range(3)] == ["no"] * 3
    assert circuit.resting == 1


def test_a_probe_that_is_accepted_ends_the_rest(circuit, clock):
    circuit.refused("mine", "no")
    clock.advance(COOLDOWN)
    circuit.refusal("mine")
    circuit.accepted("mine")

    assert [circuit.refusal("mine") for _ in range(3)] == [None] * 3


def test_a_probe_that_is_refused_begins_another_rest_from_then(circuit, clock):
    circuit.refused("mine", "no")
    clock.advance(COOLDOWN)
    circuit.refusal("mine")
    clock.advance(5)
    circuit.refused("mine", "still no")
    clock.advance(COOLDOWN - 1)

    assert circuit.refusal("mine") == "still no"
    clock.advance(1)
    assert circuit.refusal("mine") is None


def test_a_probe_that_never_reports_back_does_not_wedge_it(circuit, clock):
    circuit.refused("mine", "no")
    clock.advance(COOLDOWN)
    circuit.refusal("mine")
    clock.advance(COOLDOWN - 1)
    assert circuit.refusal("mine") == "no"

    clock.advance(1)

    assert [circuit.refusal("mine") for _ in range(2)] == [None, "no"]


def test_a_probe_that_said_nothing_leaves_it_to_the_next_caller(circuit, clock):
    circuit.refused("mine", "no")
    clock.advance(COOLDOWN)
    circuit.refusal("mine")
    clock.advance(3)
    circuit.abandoned("mine")
    assert circuit.resting == 0

    assert [circuit.refusal("mine") for _ in range(3)] == [None, "no", "no"]


def test_only_a_probe_can_be_given_up(circuit, clock):
    circuit.abandoned("mine")
    assert circuit.refusal("mine") is None

    circuit.refused("mine", "no")
    circuit.abandoned("mine")

    assert circuit.refusal("mine") == "no"


def test_it_knows_those_that_were_refused_and_not_accepted_since(circuit, clock):
    circuit.refused("mine", "no")
    clock.advance(COOLDOWN)
    circuit.refusal("mine")
    assert (circuit.knows("mine"), circuit.knows("another")) == (True, False)

    circuit.accepted("mine")

    assert not circuit.knows("mine")


def test_accepted_without_a_rest_is_no_news(circuit):
    circuit.accepted("mine")

    assert circuit.refusal("mine") is None


def test_an_operator_may_end_all_rests(circuit):
    for name in ("mine", "another"):
        circuit.refused(name, "no")

    circuit.forget()

    assert (circuit.refusal("mine"), circuit.refusal("another"), circuit.resting) == (None, None, 0)


def test_without_a_cooldown_none_rests(clock):
    circuit = CredentialCircuit(0.0, clock)

    circuit.refused("mine", "no")

    assert (circuit.refusal("mine"), circuit.resting) == (None, 0)


def test_of_more_than_it_holds_the_one_that_nobody_asked_for_falls_out(clock):
    circuit = CredentialCircuit(COOLDOWN, clock, most=2)
    for name in ("a", "b"):
        circuit.refused(name, "no")
    circuit.refusal("a")
    circuit.refused("c", "no")

    assert [circuit.refusal(name) for name in ("a", "b", "c")] == ["no", None, "no"]
    assert circuit.resting == 2


def test_it_shows_how_many_rest_and_not_which(circuit):
    circuit.refused("mine", "no")

    assert repr(circuit) == "<CredentialCircuit 1 at rest>"

"""The rules, case by case: what each should give, worked out by hand, with the reason beside it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Scenario, rules
from sim.parameters import LEVERS
from sim.schedule import segments


def terms(**changes):
    """The record of parameters in force where everyone takes part."""
    return segments(Scenario().replace(**changes))[0].inside


P = terms()  # the baseline: appropriation .45, rivalry .25, investment .35, engagement .25, ...
GAME = terms(game=[[0, 5, 6], [-1, 3, 2], [-2, 4, 7]])
UNIT = st.floats(0, 1)


def cases(*rows):
    return pytest.mark.parametrize(("found", "expected"), rows, ids=[str(k) for k in range(len(rows))])


@cases(
    (rules.trust(1, 1, 2), 0.75),  # one act in four was read as competing
    (rules.trust(0, 0, 5), 1.0),
    (rules.trust(3, 0, 0), 0.0),
    (rules.prior(0.5, P), (1.0, 0.7, 0.3)),  # two acts' worth, half of them good, three tenths of those co-creation
    (rules.prior(0.0, P), (2.0, 0.0, 0.0)),
    (rules.prior(1.0, terms(hope=1, prior_strength=5)), (0.0, 0.0, 5.0)),
    (rules.prior(1.0, terms(game=[[0, 1], [0, 1]])), (0.0, 2.0, 0.0)),  # a 2x2 game has no third act to hope for
)
def test_beliefs_of_a_stranger(found, expected):
    assert found == pytest.approx(expected)


@cases(
    (rules.power_share(0.0, 0.0, P), 0.5),  # equals divide equally
    (rules.power_share(math.log(4), 0.0, P), 2 / 3),  # four times the power, square root: 2 : 1
    (rules.power_share(0.0, math.log(4), P), 1 / 3),  # and the other side has the rest
    (rules.power_share(math.log(4), 0.0, terms(extraction=1)), 4 / 5),
    (rules.power_share(math.log(4), 0.0, terms(curiosity=1)), 0.5),  # curiosity takes power out of it
    (rules.resources(math.log(4), math.log(4), P), 2.0),  # (4 * 4) ** (.5 / 2)
    (rules.resources(math.log(16), 0.0, P), 2.0),  # the geometric mean: complements
    (rules.resources(1.0, 2.0, terms(resource=0)), 1.0),
    (rules.silo_payoff(1.0, P), 0.55),  # at full overlap .45 of the effort is done twice
    (rules.silo_payoff(0.0, P), 1.0),
    (rules.silo_payoff(1.0, GAME), 0.0),  # no silo in a game
    (rules.fresh_alignment(0.5, P), 0.3),  # .6 (1 - .5)
    (rules.fresh_alignment(0.5, terms(shared_values=1)), 0.6),
)
def test_what_a_pair_is(found, expected):
    assert found == pytest.approx(expected)


@cases(
    (rules.involvement(2, 4), 0.5),
    (rules.involvement(0, 0), 0.0),  # no other ties
    (rules.spill_over(0.0, 0.0, P), 1.0),
    (rules.spill_over(1.0, 1.0, P), 2.0),
    (rules.spill_over(1.0, 0.0, terms(collective=3)), 2.5),
    (rules.credit(0.0, 0.0, P), 0.1),  # the transactional seek credit
    (rules.credit(-1.0, -1.0, P), 0.1),  # the rivalrous no more than they
    (rules.credit(1.0, 1.0, P), 0.0),
    (rules.credit(1.0, 0.0, P), 0.05),
    (rules.credit(0.0, 0.0, terms(celebration=0.5)), 0.05),
    (rules.work_scale(0.1, 0.9, P), 1.0),  # without the lever nobody waits
    (rules.work_scale(0.4, 0.9, terms(start_small=1)), 0.5),  # half way to .8, by the less trusting side
    (rules.work_scale(0.4, 0.9, terms(start_small=0.5)), 0.75),
    (rules.work_scale(0.8, 0.9, terms(start_small=1)), 1.0),  # enough trust
    (rules.work_scale(0.0, 1.0, terms(start_small=1)), 0.0),
    (rules.overhead(0, P), 0.02),
    (rules.overhead(3, P), 0.05),  # crowding by three other partners
    (rules.overhead(0, terms(levers=1)), 0.02 + 12 * 0.015),
    (rules.overhead(0, terms(connection_steps=5)), 0.02),  # its price is time
    (rules.convening_cost(terms(levers=0.4)), 0.006),  # on a dormant tie only convening costs
    (rules.loyal_intention(-0.5, 0.0, P), -0.5),
    (rules.loyal_intention(-0.5, 1.0, P), 0.25),  # half way to 1 along a full bond
    (rules.loyal_intention(1.0, 1.0, P), 1.0),
)
def test_what_surrounds_a_partnership(found, expected):
    assert found == pytest.approx(expected)


SHARE, SILO, CREATION = 0.7, 0.8, 2.0
HALF = terms(accountability=0.5, shared_investment=0.6)
# act, partner's act, own payoff at full scale with power share .7, silo .8 and 2 to be created; baseline, HALF
PAYOFFS = [
    (0, 0, 0.8 + 0.45 * 0.4 - 0.25, 0.8 + 0.45 * 0.4 - 0.25),  # the stronger wins, both lose to rivalry
    (0, 1, 0.8 + 0.9 * 0.7, 0.8 + 0.45 * 0.7),  # exploiting: twice the contest; accountability halves it
    (0, 2, 0.8 + 0.9 * 0.7, 0.8 + 0.45 * 0.7),
    (1, 0, 0.8 - 0.9 * 0.3, 0.8 - 0.45 * 0.3),  # exploited, by the partner's share
    (2, 0, 0.8 - 0.9 * 0.3 - 0.35, 0.8 - 0.45 * 0.3 - 0.35),  # and the investment is gone: nobody shares it
    (1, 1, 1 + 0.7 * 2 / 16, 1 + 0.7 * 2 / 16),  # little engagement, little created
    (1, 2, 1 + 0.7 * 2 / 4, 1 + 0.7 * 2 / 4 - 0.35 * 0.3),  # a cooperator carries shared_investment / 2
    (2, 1, 1 + 0.7 * 2 / 4 - 0.35, 1 + 0.7 * 2 / 4 - 0.35 * 0.7),
    (2, 2, 1 + 0.7 * 2 - 0.35, 1 + 0.7 * 2 - 0.35),
]


@pytest.mark.parametrize(("act", "other", "plain", "half"), PAYOFFS)
def test_payoffs(act, other, plain, half):
    assert rules.payoff(act, other, SHARE, 1.0, SILO, CREATION, P) == pytest.approx(plain)
    assert rules.payoff(act, other, SHARE, 1.0, SILO, CREATION, HALF) == pytest.approx(half)
    # at a quarter of the scale three quarters of the work go on in silos
    assert rules.payoff(act, other, SHARE, 0.25, SILO, CREATION, P) == pytest.approx(0.75 * 0.8 + 0.25 * plain)


@pytest.mark.parametrize("act", [0, 1, 2])
def test_in_a_game_the_table_is_the_payoff(act):
    row = [[0, 5, 6], [-1, 3, 2], [-2, 4, 7]][act]
    assert [rules.payoff(act, other, 0.7, 1.0, 0.0, 9.0, GAME) for other in range(3)] == row


@cases(
    (rules.believed_synergy(0.0, P), 5.0),
    (rules.believed_synergy(1.0, P), 0.0),  # a full zero-sum mindset believes in nothing
    (rules.foreseen_alignment(0.5, 0.0, P), 0.7),  # .5 + .4 * .5
    (rules.foreseen_alignment(0.5, 1.0, P), 0.4),  # tension undoes alignment, not vision
    (rules.foreseen_alignment(0.5, 0.0, terms(milestones=0.5)), 0.85),
    (rules.foreseen_alignment(0.0, 0.0, terms(milestones=1)), 1.0),
    (rules.joint_creation(3.0, 2.0, 1.5, 0.1, 0.5, 0.4), 3 * 2 * 1.5 * 0.9 * 0.5 * 0.4),
    (rules.shadow_weight(P), 1.5),  # .6 / .4
    (rules.shadow_weight(terms(commitment=1)), 3.0),
    (rules.shadow_weight(terms(patience=0, commitment=1)), 0.0),
    # best common act 1 + .5 * 4 - .35; fighting back .8 - .25, leaving .8 + .02
    (rules.surplus_at_risk(0.5, 0.8, 4.0, 0.02, P), 2.65 - 0.82),
    (rules.surplus_at_risk(0.5, 0.8, 4.0, 0.02, terms(punishment="compete")), 2.65 - 0.55),
    (rules.surplus_at_risk(0.5, 0.8, 0.4, 0.02, P), 1.0125 - 0.82),  # little to create: the best is to cooperate
    (rules.surplus_at_risk(0.5, 1.0, 0.0, 0.5, P), 0.0),  # nothing to lose, not less
    (rules.surplus_at_risk(0.5, 0.0, 0.0, 0.0, GAME), 7.0),  # a game knows no exit
    # partnership over silo: own and, weighted, the partner's
    (rules.advantage(1.2, 0.8, 0.1, 0.3, 0.0), 0.3),
    (rules.advantage(1.2, 0.8, 0.1, 0.3, 1.0), 1.2 - (0.9 + 1.1) / 2),
    (rules.advantage(1.2, 0.8, 0.1, 0.3, -1.0), 1.2 - (0.9 - 1.1) / 2),
    (rules.willing(0.0, P), 0.5),
    (rules.willing(0.2, P), 1 / (1 + math.exp(-1))),
    (rules.willing(0.2, terms(rationality=0)), 0.5),
)
def test_expectations(found, expected):
    assert found == pytest.approx(expected)


def test_utilities_of_an_even_belief_by_hand():
    """Game rows [0 5 6] [-1 3 2] [-2 4 7], beliefs 1 : 1 : 2, weight 1/2, patience .6: w = 1.5, R = 7, trust .75."""
    own = [(0 + 5 + 12) / 4, (-1 + 3 + 4) / 4, (-2 + 4 + 14) / 4]
    partner = [(0 - 1 - 4) / 4, (5 + 3 + 8) / 4, (6 + 2 + 14) / 4]
    expected = [(a + 0.5 * b) / 1.5 for a, b in zip(own, partner, strict=True)]
    expected[0] -= 1.5 * 0.75 * 7 / 1.5
    assert rules.utilities(1.0, 1.0, 2.0, 0.75, 0.5, 1.0, 0.0, 0.0, 0.5, 0.0, GAME) == pytest.approx(expected)


def test_the_shadow_of_the_future_is_at_full_scale_whatever_todays():
    """Small beginnings lower today's temptation, not tomorrow's prize."""

    def shadow(scale):
        u = [
            rules.utilities(0.0, 1.0, 0.0, 1.0, 0.5, scale, 0.8, 4.0, 0.0, 0.02, terms(patience=patience))[0]
            for patience in (0.0, 0.6)
        ]
        return u[0] - u[1]

    assert shadow(1.0) == pytest.approx(shadow(0.1)) == pytest.approx(1.5 * (2.65 - 0.82))


@cases(
    (rules.logit(1.0, 1.0, 1.0, P), (1 / 3, 1 / 3, 1 / 3)),
    (rules.logit(0.0, 0.2, 0.2, P), (1 / (1 + 2 * math.e), math.e / (1 + 2 * math.e), math.e / (1 + 2 * math.e))),
    (rules.logit(5.0, 0.0, 9.0, terms(rationality=0)), (1 / 3, 1 / 3, 1 / 3)),
    (rules.logit(0.0, 0.2, 99.0, terms(game=[[0, 1], [0, 1]])), (1 / (1 + math.e), math.e / (1 + math.e), 0.0)),
    # the reciprocal rule, trembling one time in twenty over three acts
    (rules.reciprocal(1.0, 2.0, 0.3, 2, P), (0.05 / 3, 0.05 / 3, 0.05 / 3 + 0.95)),  # answers kindness, the better way
    (rules.reciprocal(2.0, 1.0, 0.3, 1, P), (0.05 / 3, 0.05 / 3 + 0.95, 0.05 / 3)),
    (rules.reciprocal(1.0, 1.0, 0.3, 1, P), (0.05 / 3, 0.05 / 3 + 0.95, 0.05 / 3)),  # when in doubt, cooperate
    (
        rules.reciprocal(1.0, 2.0, 0.3, 0, P),
        (0.05 / 3 + 0.95 * 0.7, 0.05 / 3, 0.05 / 3 + 0.95 * 0.3),
    ),  # forgives by trust
    (rules.reciprocal(1.0, 2.0, 0.3, -1, P), (0.05 / 3 + 0.95 * 0.7, 0.05 / 3, 0.05 / 3 + 0.95 * 0.3)),  # and at first
    (rules.earned_utility(1.0, 2.0, 0.5), 4 / 3),
    (rules.earned_utility(1.0, 2.0, -1.0), -0.5),
    (rules.reinforced(1.0, 3.0, P), 1.2),
)
def test_choices(found, expected):
    assert found == pytest.approx(expected)


@cases(
    (rules.chosen(0.2, 0.3, 0.1), 0), (rules.chosen(0.2, 0.3, 0.2), 1), (rules.chosen(0.2, 0.3, 0.49), 1),
    (rules.chosen(0.2, 0.3, 0.51), 2), (rules.chosen(0.0, 0.0, 1e-10), 2), (rules.chosen(1.0, 0.0, 1 - 1e-10), 0),
)  # fmt: skip
def test_a_number_picks_an_act(found, expected):
    assert found == expected


CALM = terms(turn_toward=1)


@cases(
    (rules.meeting_chance(1.0, P), 0.1),  # without convening complementary partners meet by chance
    (rules.meeting_chance(1.0, terms(convening=1)), 0.4),
    (rules.meeting_chance(0.0, terms(convening=1)), 0.1),
    (rules.meeting_chance(1.0, terms(convening=1, outreach=1)), 1.0),  # a probability
    (rules.conflict_chance(0.5, 0.0, 0.5, P), 0.05),
    (rules.conflict_chance(0.5, 1.0, 0.5, P), 0.1),  # tension doubles it
    (rules.conflict_chance(0.5, 0.0, 0.75, P), 0.075),  # and unequal power raises it, whoever is the stronger
    (rules.conflict_chance(0.5, 0.0, 0.25, P), 0.075),
    (rules.conflict_chance(0.5, 0.0, 0.5, terms(shared_values=1)), 0.0),
    (rules.conflict_chance(1.0, 1.0, 1.0, terms(conflict_rate=1)), 1.0),
    (rules.response_chances(0.0, 0.0, P), (0.33, 0.67)),  # no trust, no bond: at its worst
    (rules.response_chances(1.0, 0.0, P), (0.33, 0.0)),  # who trusts turns away, not against
    (rules.response_chances(1.0, 0.0, CALM), (0.87, 0.0)),
    (rules.response_chances(0.0, 0.0, CALM), (0.33, 0.0)),  # practice without trust
    (rules.response_chances(0.5, 0.5, P), (0.33 + 0.54 * 0.5 * 0.75, (0.67 - 0.54 * 0.375) * 0.25)),
    (rules.heated(0.0, False, P), 0.2),
    (rules.heated(0.5, False, P), 0.6),
    (rules.heated(0.5, True, P), 1 - 0.5 * 0.64),  # turning against raises it twice
    (rules.review_chance(0.0, P), 0.02),
    (rules.review_chance(1.0, P), 0.0),  # a full bond is not reviewed
    (rules.review_chance(0.5, terms(commitment=0.5)), 0.005),
)
def test_forming_quarrelling_and_ending(found, expected):
    assert found == pytest.approx(expected)


@cases(
    (rules.responded(0.3, 0.2, 0.29), rules.TOWARD), (rules.responded(0.3, 0.2, 0.31), rules.AWAY),
    (rules.responded(0.3, 0.2, 0.79), rules.AWAY), (rules.responded(0.3, 0.2, 0.81), rules.AGAINST),
)  # fmt: skip
def test_one_number_decides_the_response_from_both_ends(found, expected):
    assert found == expected


@cases(
    (rules.misread_chance(0.0, P), 0.05),
    (rules.misread_chance(0.5, terms(listening=0.5)), 0.0125),
    (rules.pretense_chance(P), 0.1),
    (rules.pretense_chance(CALM), 0.0),
    # act, reader's own act, misread, pretended
    (rules.act_as_read(0, 2, False, True), 0),  # nobody pretends to compete
    (rules.act_as_read(0, 2, True, False), 0),
    (rules.act_as_read(2, 2, True, False), 0),  # noise
    (rules.act_as_read(1, 1, True, True), 0),  # noise comes first
    (rules.act_as_read(1, 1, False, True), 2),  # taken for co-creation
    (rules.act_as_read(1, 0, False, True), 2),
    (rules.act_as_read(1, 2, False, True), 0),  # found out by one that did co-create
    (rules.act_as_read(1, 2, False, False), 1),
    (rules.act_as_read(2, 2, False, True), 2),  # a co-creator need not pretend
    (rules.breach_weight(0.0, P), 3.0),
    (rules.breach_weight(1.0, P), 1.0),  # friends forgive
    (rules.breach_weight(0.5, terms(celebration=1)), 1.5),
    (rules.belief_updated(2.0, 0, 0, 3.0, P), 0.95 * 2 + 3),
    (rules.belief_updated(2.0, 1, 1, 3.0, P), 0.95 * 2 + 1),
    (rules.belief_updated(2.0, 1, 0, 3.0, P), 0.95 * 2),
    (rules.alignment_after_work(0.5, 2, 2, False, P), 0.55),
    (rules.alignment_after_work(0.5, 1, 2, False, P), 0.525),  # sqrt(.25 * 1) of the rate
    (rules.alignment_after_work(0.5, 1, 1, False, terms(listening=1)), 0.525),
    (rules.alignment_after_work(0.5, 2, 2, True, P), 0.55 * 0.9),  # a setback undoes
    (rules.alignment_after_work(0.5, 2, 2, True, terms(celebration=1)), 0.55),  # unless the process is celebrated
    (rules.alignment_after_work(0.5, 0, 2, False, P), 0.475),
    (rules.connection_in_phase(0.5, terms(listening=1)), 0.6),
    (rules.alignment_in_phase(0.5, P), 0.525),
    (rules.connection_in_phase(0.5, terms(listening=1, connection_rate=1)), 1.0),  # held within 1
    (rules.connection_through_work(0.0, P), 0.025),
    (rules.connection_through_work(0.0, terms(celebration=1)), 0.05),
)  # fmt: skip
def test_reading_learning_and_bonding(found, expected):
    assert found == pytest.approx(expected)


@cases(
    (rules.experienced_scarcity(P), 0.4),  # 1 - 3 / 5
    (rules.experienced_scarcity(terms(synergy=9)), 0.0),  # the pie outgrew all imagination
    (rules.experienced_scarcity(terms(synergy=0)), 1.0),
    (rules.scarcity_learned(0.5, 1.0, 0.4, 0.0, P), 0.495),
    (rules.scarcity_learned(0.5, 0.0, 0.0, 1.0, P), 0.525),  # hurt
    (rules.scarcity_learned(0.5, 0.5, 0.4, 0.5, P), 0.4975 + 0.05 * 0.5025 * 0.5),  # experience first, then hurt
    (rules.disposition_learned(0.5, 1.0, P), 0.525),
    (rules.adoption_chance(1.0, 1.0, P), 0.5),
    (rules.adoption_chance(0.0, 1.0, P), 1 / (1 + math.exp(-1))),
    (rules.adoption_chance(0.0, 9.0, terms(selection=0)), 0.5),
    (rules.intention_adopted(0.0, 0.8, P), 0.4),
    (rules.intention_adopted(0.0, 0.8, terms(imitation_step=1)), 0.8),
    (rules.full_synergy(0.5, 2.0, P), 6.0),
    (rules.first_best_gain(6.0, P), 5.3),
    (rules.first_best_gain(0.6, P), 0.0375),  # not worth investing in
    (rules.first_best_gain(0.0, P), 0.0),
)
def test_organizations_and_what_could_be(found, expected):
    assert found == pytest.approx(expected)


def test_a_scheduled_shock_of_scarcity_is_in_force_for_one_step():
    scenario = Scenario(
        events=(
            {"kind": "scarcity", "step": 3, "size": 0.4},
            {"kind": "conflict", "step": 3, "size": 0.5, "duration": 2},
        )
    )
    by_step = {step: s.inside for s in segments(scenario) for step in range(s.first, s.last)}
    assert [rules.scarcity_shocked(0.5, by_step[step]) for step in (2, 3, 4)] == pytest.approx([0.5, 0.7, 0.5])
    assert [by_step[step].conflict_rate for step in (2, 3, 4, 5)] == pytest.approx([0.1, 0.6, 0.6, 0.1])


@pytest.mark.parametrize("lever", LEVERS)
def test_outside_the_design_every_lever_is_nought(lever):
    segment = segments(Scenario().replace(levers=0.7, connection_steps=3))[0]
    assert getattr(segment.inside, lever) == 0.7 and getattr(segment.outside, lever) == 0.0
    assert (segment.inside.connection_steps, segment.outside.connection_steps) == (3, 0)
    assert segment.outside.practice == 0.0 and segment.inside.practice == pytest.approx(8.4)


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0, 2), st.floats(0, 50), UNIT, st.sampled_from([-1, 0, 1, 2]))
def test_chances_of_acts_are_chances(v0, v1, v2, rationality, trusting, last_read):
    for p in (terms(rationality=rationality), GAME):
        for chances in (rules.logit(v0, v1, v2, p), rules.reciprocal(v1, v2, trusting, last_read, p)):
            assert sum(chances) == pytest.approx(1.0) and min(chances) >= 0.0


@given(UNIT, UNIT, UNIT, UNIT, st.sampled_from([0.0, 0.5, 1.0]))
def test_turning_toward_and_against_exclude_each_other(trusting, connection, base, best, turn_toward):
    p = terms(toward_base=base, toward_best=best, turn_toward=turn_toward)
    toward, against = rules.response_chances(trusting, connection, p)
    assert 0 <= toward <= 1 and 0 <= against <= 1 and toward + against <= 1 + 1e-12

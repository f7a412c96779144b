"""The rules of the game: pure functions of plain numbers, written once and used by both engines.

No rule draws luck, touches an object or knows who asks: a rule gives a payoff, a probability or a new value; the
engines draw and change the state. ``p`` is the record of parameters in force on the tie at hand (``sim.schedule``),
with every lever at 0 where the design does not apply. Names and order follow the model's description: acts are
0 compete, 1 cooperate, 2 co-create; trust, connection, alignment, tension lie in [0, 1]; payoffs are in stakes.
Unless a source is named, the form is our assumption, stated in docs/model.md.
"""

from __future__ import annotations

import math

from sim.elementary import exp, logistic
from sim.jit import rule

COMPETE, COOPERATE, COCREATE = 0, 1, 2
AWAY, TOWARD, AGAINST = 0, 1, 2


# --- small words -------------------------------------------------------------------------------------------------


@rule
def clip(x):
    """x, held in [0, 1]."""
    return 0.0 if x < 0.0 else (1.0 if x > 1.0 else x)


@rule
def larger(x, y):
    """The larger of two numbers."""
    return x if x > y else y


@rule
def smaller(x, y):
    """The smaller of two numbers."""
    return x if x < y else y


@rule
def grown(x, rate):
    """x moved the share ``rate`` of its way to 1, held in [0, 1]."""
    return clip(x + rate * (1.0 - x))


# --- the pair ----------------------------------------------------------------------------------------------------


@rule
def trust(compete, cooperate, cocreate):
    """Trust: 1 less the believed share of competing among a partner's acts, as read and discounted."""
    return 1.0 - compete / (compete + cooperate + cocreate)


@rule
def prior(disposition, p):
    """What an organization believes of any partner before it knows it: (compete, cooperate, co-create) counts."""
    good = p.prior_strength * disposition
    return p.prior_strength * (1.0 - disposition), good * (1.0 - p.hope), good * p.hope


@rule
def power_share(log_power_i, log_power_j, p):
    """Share of i in what is divided: the ratio contest p_i**g / (p_i**g + p_j**g). Source: Tullock 1980."""
    return logistic(p.extraction * (1.0 - p.curiosity) * (log_power_i - log_power_j))


@rule
def resources(log_power_i, log_power_j, p):
    """What a pair brings: the geometric mean of both powers, to the power ``resource``."""
    return exp(p.resource / 2.0 * (log_power_i + log_power_j))


@rule
def value_gap(value_distance, p):
    """Distance of values that is left after aligning them, in [0, 1]."""
    return value_distance * (1.0 - p.shared_values)


@rule
def fresh_alignment(value_distance, p):
    """Alignment that a new partnership starts with."""
    return p.initial_alignment * (1.0 - value_gap(value_distance, p))


@rule
def silo_payoff(overlap, p):
    """What an organization makes of its stake alone: uncoordinated effort is done twice. 0 in an explicit game."""
    return 0.0 if p.is_game else 1.0 - p.duplication * overlap


@rule
def involvement(mutual, ties):
    """Share of an organization's other potential ties that co-created in the step before; 0 without any."""
    return mutual / ties if ties > 0 else 0.0


@rule
def spill_over(involvement_i, involvement_j, p):
    """How much more a pair creates because both ends' other partners co-create: 1 .. 1 + collective."""
    return 1.0 + p.collective * (involvement_i + involvement_j) / 2.0


@rule
def credit(intention_i, intention_j, p):
    """Share of joint creation lost to visibility pursued at the expense of value."""
    selfish = 2.0 - larger(0.0, intention_i) - larger(0.0, intention_j)
    return p.credit_seeking * (1.0 - p.celebration) * selfish / 2.0


@rule
def work_scale(trust_ij, trust_ji, p):
    """Share of their work that a pair does together: those who start small wait for trust."""
    return 1.0 - p.start_small * larger(0.0, 1.0 - smaller(trust_ij, trust_ji) / p.scale_at)


@rule
def overhead(other_active, p):
    """Cost per step of an active tie to one side that has ``other_active`` other active ties."""
    return p.upkeep + p.lever_cost * p.practice + p.crowding * other_active


@rule
def convening_cost(p):
    """Cost per step of a dormant tie to each side: someone keeps introducing people."""
    return p.lever_cost * p.convening


@rule
def loyal_intention(intention, connection, p):
    """Weight on this partner's payoff: bonds carry loyalty. Source: van Dijk & van Winden 1997."""
    return intention + p.loyalty * connection * (1.0 - intention)


# --- payoffs -----------------------------------------------------------------------------------------------------


@rule
def engagement(act, p):
    """How far an act engages in joint work: 0, ``engagement``, 1."""
    return 1.0 if act == COCREATE else (p.engagement if act == COOPERATE else 0.0)


@rule
def game_cell(act, other, p):
    """Own payoff in an explicit game: row own act, column the partner's."""
    if act == COMPETE:
        return p.game_00 if other == COMPETE else (p.game_01 if other == COOPERATE else p.game_02)
    if act == COOPERATE:
        return p.game_10 if other == COMPETE else (p.game_11 if other == COOPERATE else p.game_12)
    return p.game_20 if other == COMPETE else (p.game_21 if other == COOPERATE else p.game_22)


@rule
def invested(act, other, p):
    """What a side spends on co-creation: its own investment, of which a cooperating partner carries a part."""
    carried = p.investment * p.shared_investment / 2.0
    if act == COCREATE:
        return p.investment - carried if other == COOPERATE else p.investment
    return carried if act == COOPERATE and other == COCREATE else 0.0


@rule
def joint_payoff(act, other, share, silo, creation, p):
    """Own payoff of working together at full scale.

    ``share`` is the own power share; ``creation`` what the pair would create at full engagement.
    """
    if p.is_game:
        return game_cell(act, other, p)
    if act == COMPETE and other == COMPETE:
        return silo + p.appropriation * (2.0 * share - 1.0) - p.rivalry
    if act == COMPETE:
        return silo + 2.0 * p.appropriation * share * (1.0 - p.accountability)
    if other == COMPETE:
        return silo - 2.0 * p.appropriation * (1.0 - share) * (1.0 - p.accountability) - invested(act, other, p)
    return 1.0 + share * creation * engagement(act, p) * engagement(other, p) - invested(act, other, p)


@rule
def payoff(act, other, share, scale, silo, creation, p):
    """Own payoff of one step, before overhead: the share ``scale`` of the work together, the rest in silos."""
    return (1.0 - scale) * silo + scale * joint_payoff(act, other, share, silo, creation, p)


# --- choice ------------------------------------------------------------------------------------------------------


@rule
def believed_synergy(scarcity, p):
    """The synergy an organization believes in, whatever the true one is."""
    return p.imagined_synergy * (1.0 - scarcity)


@rule
def foreseen_alignment(alignment, tension, p):
    """Effective alignment that a side plans with: today's, moved toward full by its vision."""
    today = alignment * (1.0 - tension)
    vision = p.vision + (1.0 - p.vision) * p.milestones
    return today + vision * (1.0 - today)


@rule
def joint_creation(synergy, spill, resource, lost_to_credit, complementarity, alignment):
    """What a pair creates at full engagement; ``alignment`` is the effective one, true or foreseen."""
    return synergy * spill * resource * (1.0 - lost_to_credit) * complementarity * alignment


@rule
def shadow_weight(p):
    """Months of lost surplus that count against a breach (held as ``p.shadow``). Source: Friedman 1971."""
    return p.patience / (1.0 - p.patience) * (1.0 + p.commitment)


@rule
def surplus_at_risk(share, silo, creation, burden, p):
    """What a breach puts at risk each month, at full scale: the best common act over the punishment.

    The betrayed partner fights back or leaves, whichever is milder; ``burden`` is the overhead that leaving saves.
    """
    worst = joint_payoff(COMPETE, COMPETE, share, silo, creation, p)
    best = joint_payoff(COOPERATE, COOPERATE, share, silo, creation, p)
    if p.n_acts == 3:
        best = larger(best, joint_payoff(COCREATE, COCREATE, share, silo, creation, p))
    if p.can_exit:
        worst = larger(worst, silo + burden)
    return larger(0.0, best - worst)


@rule
def _regard(act, other, share, scale, silo, creation, weight, p):
    """Own payoff plus the partner's, weighted."""
    own = payoff(act, other, share, scale, silo, creation, p)
    return own + weight * payoff(other, act, 1.0 - share, scale, silo, creation, p)


@rule
def _expected(act, q0, q1, q2, share, scale, silo, creation, weight, p):
    """Mean over the partner's believed acts."""
    return (
        q0 * _regard(act, COMPETE, share, scale, silo, creation, weight, p)
        + q1 * _regard(act, COOPERATE, share, scale, silo, creation, weight, p)
        + q2 * _regard(act, COCREATE, share, scale, silo, creation, weight, p)
    )


@rule
def utilities(b0, b1, b2, trusting, share, scale, silo, creation, weight, burden, p):
    """Utility of each act to one side: expected payoffs, regard for the partner, the shadow of the future.

    ``b0, b1, b2`` are its beliefs, ``trusting`` its trust, ``weight`` its loyal intention, ``creation`` what it
    believes full engagement to create, ``burden`` the overhead that leaving saves it. In a two-act game the third
    number is meaningless.
    """
    per_count = 1.0 / (b0 + b1 + b2)
    q0, q1, q2 = b0 * per_count, b1 * per_count, b2 * per_count
    per_norm = 1.0 / (1.0 + abs(weight))
    shadow = p.shadow * trusting * surplus_at_risk(share, silo, creation, burden, p)
    u0 = (_expected(COMPETE, q0, q1, q2, share, scale, silo, creation, weight, p) - shadow) * per_norm
    u1 = _expected(COOPERATE, q0, q1, q2, share, scale, silo, creation, weight, p) * per_norm
    u2 = _expected(COCREATE, q0, q1, q2, share, scale, silo, creation, weight, p) * per_norm
    return u0, u1, u2


@rule
def best_of(u0, u1, u2, p):
    """The largest utility among the acts there are."""
    return larger(larger(u0, u1), u2) if p.n_acts == 3 else larger(u0, u1)


@rule
def advantage(best, silo, burden, other_burden, weight):
    """Utility of the partnership over the silo: the best act's, less what staying apart would give and save."""
    return best - (silo + burden + weight * (silo + other_burden)) / (1.0 + abs(weight))


@rule
def willing(advantage_over_silo, p):
    """Chance that one side wants the partnership rather than the silo; a partnership needs both."""
    return logistic(p.rationality * advantage_over_silo)


@rule
def logit(v0, v1, v2, p):
    """Probabilities of the acts, proportional to exp(rationality * value). Source: McKelvey & Palfrey 1995."""
    top = best_of(v0, v1, v2, p)
    is_0, is_1 = v0 == top, v1 == top  # the best act's exponential is 1: two remain
    first = exp(p.rationality * ((v1 if is_0 else v0) - top))
    last = exp(p.rationality * ((v2 if is_0 or is_1 else v1) - top))
    e0 = 1.0 if is_0 else first
    e1 = first if is_0 else (1.0 if is_1 else last)
    e2 = (last if is_0 or is_1 else 1.0) if p.n_acts == 3 else 0.0
    per_total = 1.0 / (e0 + e1 + e2)
    return e0 * per_total, e1 * per_total, e2 * per_total


@rule
def reciprocal(u1, u2, trusting, last_read, p):
    """Probabilities of the acts of one who answers in kind, forgives as far as it trusts, and trembles.

    ``last_read`` is the partner's act last read, -1 for none. Source: generous tit for tat, Nowak & Sigmund 1992.
    """
    slip = p.tremble / p.n_acts
    wary = 1.0 - trusting if last_read <= COMPETE else 0.0
    creates = p.n_acts == 3 and u2 > u1
    p0 = slip + (1.0 - p.tremble) * wary
    good = (1.0 - p.tremble) * (1.0 - wary)
    return p0, slip + (0.0 if creates else good), (slip if p.n_acts == 3 else 0.0) + (good if creates else 0.0)


@rule
def chosen(p0, p1, u):
    """The act that a uniform number u picks from its probabilities."""
    return COMPETE if u < p0 else (COOPERATE if u < p0 + p1 else COCREATE)


@rule
def earned_utility(own, other, weight):
    """Realised payoffs, net of overhead, as one side values them."""
    return (own + weight * other) / (1.0 + abs(weight))


@rule
def reinforced(value, earned, p):
    """The value of an act after it earned something. Source: Roth & Erev 1995, recency form."""
    return value + p.learning_rate * (earned - value)


# --- forming, conflict, ending -----------------------------------------------------------------------------------


@rule
def meeting_chance(complementarity, p):
    """Chance that a dormant tie is considered in a step."""
    return clip(p.outreach * (1.0 + p.convening_reach * p.convening * complementarity))


@rule
def conflict_chance(value_distance, tension, share, p):
    """Chance of a conflict in a step: distance of values, old tension and unequal power breed it."""
    return clip(p.conflict_rate * value_gap(value_distance, p) * (1.0 + tension) * (1.0 + abs(2.0 * share - 1.0)))


@rule
def response_chances(trusting, connection, p):
    """Chances that a side in conflict turns toward and against its partner. Source: Gottman & Driver 2005 (analogy)."""
    safe = trusting + (1.0 - trusting) * connection
    toward = p.toward_base + (p.toward_best - p.toward_base) * larger(p.turn_toward, connection) * safe
    return toward, (1.0 - toward) * (1.0 - safe) * (1.0 - p.turn_toward)


@rule
def responded(toward, against, u):
    """TOWARD, AGAINST or AWAY: a uniform number u picks toward from below, against from above."""
    return TOWARD if u < toward else (AGAINST if u > 1.0 - against else AWAY)


@rule
def heated(tension, against, p):
    """Tension after a conflict that was not repaired: turning against raises it twice."""
    once = 1.0 - p.tension_rise
    return 1.0 - (1.0 - tension) * (once * once if against else once)


@rule
def repaired(tension, p):
    """Tension after a conflict in which both turned toward one another."""
    return tension * (1.0 - p.repair)


@rule
def strained(connection, p):
    """The bond after anyone turned against the other."""
    return connection * (1.0 - p.connection_rate)


@rule
def review_chance(connection, p):
    """Chance that an active partnership comes up for review: bonds and commitment spare it."""
    return p.review * (1.0 - connection) * (1.0 - p.commitment)


# --- connecting and learning -------------------------------------------------------------------------------------


@rule
def connection_in_phase(connection, p):
    """The bond after a step of connection before work."""
    return grown(connection, p.connection_rate * (1.0 + p.listening))


@rule
def alignment_in_phase(alignment, p):
    """Alignment after a step of connection before work."""
    return grown(alignment, p.alignment_rate / 2.0 * (1.0 + p.listening))


@rule
def misread_chance(connection, p):
    """Chance that an act other than compete is misread as compete."""
    return p.misperception * (1.0 - p.listening) * (1.0 - connection)


@rule
def pretense_chance(p):
    """Chance that a cooperator pretends to co-create."""
    return p.pretense * (1.0 - p.turn_toward)


@rule
def act_as_read(act, reader_act, is_misread, is_pretended):
    """How a partner's act is read: noise first, then pretense, which only a co-creator finds out."""
    if act == COMPETE or is_misread:
        return COMPETE
    if act == COOPERATE and is_pretended:
        return COMPETE if reader_act == COCREATE else COCREATE
    return act


@rule
def breach_weight(connection, p):
    """Weight of an act read as compete, where any other weighs 1: breach outweighs kindness, less so among friends."""
    return 1.0 + (p.negativity - 1.0) * (1.0 - connection) * (1.0 - p.celebration / 2.0)


@rule
def belief_updated(count, act, read, weight, p):
    """The discounted count of ``act`` after a partner's act was read; ``weight`` is that of a breach."""
    added = (weight if act == COMPETE else 1.0) if read == act else 0.0
    return count * p.memory + added


@rule
def alignment_after_work(alignment, act_i, act_j, is_setback, p):
    """Alignment after a step of work: joint work aligns, a setback and competing undo."""
    if act_i == COMPETE or act_j == COMPETE:
        return alignment * (1.0 - p.alignment_rate / 2.0)
    together = math.sqrt(engagement(act_i, p) * engagement(act_j, p))
    aligned = grown(alignment, p.alignment_rate * together * (1.0 + p.listening))
    return aligned * (1.0 - p.alignment_rate * (1.0 - p.celebration)) if is_setback else aligned


@rule
def eased(tension, p):
    """Tension after a step of work."""
    return tension * p.tension_decay


@rule
def faded(connection, p):
    """The bond at the end of a step of work or repair."""
    return connection * p.connection_decay


@rule
def connection_through_work(connection, p):
    """The bond after a step in which both co-created."""
    return grown(connection, p.connection_rate * (1.0 + p.celebration) / 4.0)


# --- organizations -----------------------------------------------------------------------------------------------


@rule
def experienced_scarcity(p):
    """What co-creating that works says the mindset should be: how far the imagined synergy overshoots the true."""
    return 1.0 - smaller(1.0, p.synergy / p.imagined_synergy)


@rule
def scarcity_learned(scarcity, creating, experience, hurt, p):
    """Zero-sum mindset after a step.

    ``creating``: share of active ties with mutual co-creation; ``experience``: what those say it should be;
    ``hurt``: share on which it did not compete but read its partner as competing.
    """
    learned = scarcity + p.scarcity_rate * creating * (experience - scarcity)
    return clip(learned + p.scarcity_rate * (1.0 - learned) * hurt)


@rule
def disposition_learned(disposition, mean_trust, p):
    """Trust in strangers after a step: it follows trust in partners."""
    return clip(disposition + p.disposition_rate * (mean_trust - disposition))


@rule
def adoption_chance(own_income, other_income, p):
    """Chance of moving toward a partner's intention. Source: Traulsen, Nowak & Pacheco 2006 (Fermi rule)."""
    return logistic(p.selection * (other_income - own_income))


@rule
def intention_adopted(intention, other_intention, p):
    """Intention after imitation."""
    return intention + p.imitation_step * (other_intention - intention)


@rule
def scarcity_shocked(scarcity, p):
    """Zero-sum mindset after a scheduled shock."""
    return scarcity + p.scarcity_shock * (1.0 - scarcity)


# --- what could be ------------------------------------------------------------------------------------------------


@rule
def full_synergy(complementarity, resource, p):
    """V: what a fully aligned, calm, generous pair creates at full engagement in a fully co-creating neighborhood."""
    return p.synergy * (1.0 + p.collective) * resource * complementarity


@rule
def least_gain(full, p):
    """What a pair that only cooperates can gain over two stakes."""
    return p.engagement * p.engagement * full


@rule
def first_best_gain(full, p):
    """G: the most that such a pair can gain over two stakes."""
    return larger(full - 2.0 * p.investment, least_gain(full, p))

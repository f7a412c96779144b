"""A potential partnership of two organizations: what they share, and what a step does to it.

The order of ``step`` is the order of the model; each part reads what the one before left. What an organization
decides here (its act, how it meets conflict, whether it stays) is asked of the organization.
"""

from __future__ import annotations

from sim import rules
from sim.chance import Purpose, draw
from sim.state import ANY_AGAINST, BOTH_TOWARD, CONNECTING, DORMANT, PAUSED, PLAYED, UNREPAIRED

NOTHING_READ = -1


class Side:
    """One side of a partnership: what this organization holds about the other, and how it sees this step."""

    __slots__ = (
        "act",
        "advantage",
        "beliefs",
        "burden",
        "cost",
        "earned",
        "is_hurt",
        "last_read",
        "organization",
        "payoff",
        "purpose",
        "share",
        "trust",
        "utilities",
        "weight",
    )  # fmt: skip

    def __init__(self, organization, purpose: int):
        self.organization = organization
        self.purpose = purpose  # 0 for i, 1 for j: which of a pair of draws is this side's
        self.share = 0.5
        self.payoff = 0.0
        self.trust, self.is_hurt = 1.0, False

    def forget(self, p) -> None:
        """Return to what is believed of a stranger."""
        self.beliefs = list(rules.prior(self.organization.disposition, p))
        self.earned = [1.0, 1.0, 1.0]
        self.last_read = NOTHING_READ

    def see_breach(self, p) -> None:
        """The other side turned against this one."""
        self.beliefs[rules.COMPETE] += p.negativity


class Partnership:
    """A tie between two organizations; ``sides[0]`` is the one with the lower index."""

    def __init__(self, model, index: int, first, second):
        people = model.people
        self.model, self.index = model, index
        self.sides = (Side(first, 0), Side(second, 1))
        self.subject = first.index * len(people.power) + second.index
        self.is_inside = bool(people.inside[index])
        self.overlap = float(people.overlap[index])
        self.complementarity = float(people.complementarity[index])
        self.value_distance = float(people.value_distance[index])
        self.is_active = bool(people.active[index]) or model.parameters.game is not None
        self.tenure = 0
        self.connection, self.tension = 0.0, 0.0
        self.alignment = rules.fresh_alignment(self.value_distance, self.terms)
        self.resource = rules.resources(first.log_power, second.log_power, self.terms)
        self.is_mutual = self.is_setback = False
        for side in self.sides:
            side.forget(self.terms)

    # --- who is who -------------------------------------------------------------------------------------------

    @property
    def terms(self):
        """The parameters in force on this tie now."""
        return self.model.terms(self.is_inside)

    def side_of(self, organization) -> Side:
        """This organization's side."""
        return self.sides[0] if self.sides[0].organization is organization else self.sides[1]

    def partner_of(self, organization):
        """The other organization."""
        first, second = self.sides
        return second.organization if first.organization is organization else first.organization

    def last_read(self, organization) -> int:
        """The partner's act as this organization last read it: 0, 1, 2, or -1 for none yet."""
        return self.side_of(organization).last_read

    def luck(self, purpose: int, organization=None) -> float:
        """The uniform number for a purpose in this step; for one side's purpose, name the organization."""
        offset = self.side_of(organization).purpose if organization is not None else 0
        return draw(self.model.seed_key, self.model.now, self.subject, int(purpose) + offset)

    # --- a step -----------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One month: a silo may become a partnership; a partnership connects, or meets conflict, plays and learns."""
        first, second = (side.organization for side in self.sides)
        self.was_active, self.is_mutual, self.is_setback = self.is_active, False, False
        self.conflict, self.ended = 0, False
        if first.is_new or second.is_new:
            self.connection = 0.0
            for side in self.sides:
                side.forget(self.terms)
        self.silo = rules.silo_payoff(self.overlap, self.terms)
        self.spill = rules.spill_over(first.involvement(self), second.involvement(self), self.terms)
        self.credit = rules.credit(first.intention, second.intention, self.terms)
        for side in self.sides:
            side.is_hurt = False
            side.cost = rules.overhead(side.organization.n_active - self.is_active, self.terms)
            side.burden = side.cost - rules.convening_cost(self.terms)
        if self.is_active:
            self._work_together()
        else:
            self._stay_apart()

    def _stay_apart(self) -> None:
        self.kind = DORMANT
        self.overheads = 2.0 * rules.convening_cost(self.terms)
        for side in self.sides:
            side.trust = 1.0
            side.payoff = self.silo - rules.convening_cost(self.terms)
        if self.luck(Purpose.CONSIDER) < rules.meeting_chance(self.complementarity, self.terms):
            self._look()
            if self.luck(Purpose.FORM) < self._willingness():
                self.is_active, self.tenure = True, 0
                fresh = rules.fresh_alignment(self.value_distance, self.terms)
                self.alignment = rules.larger(self.alignment, fresh)

    def _work_together(self) -> None:
        self._look()
        willingness = self._willingness()  # as the step finds the partnership
        self.tenure += 1
        self.overheads = self.sides[0].cost + self.sides[1].cost
        for side in self.sides:
            side.payoff = self.silo - side.cost
        if self.tenure <= self.terms.connection_steps:
            self.kind = CONNECTING
            self.connection = rules.connection_in_phase(self.connection, self.terms)
            self.alignment = rules.alignment_in_phase(self.alignment, self.terms)
        else:
            self._meet_conflict()
            if self.conflict == BOTH_TOWARD:
                self.kind = PAUSED
            else:
                self.kind = PLAYED
                self._play()
                self._learn()
            self.connection = rules.faded(self.connection, self.terms)
        is_reviewed = self.luck(Purpose.REVIEW) < rules.review_chance(self.connection, self.terms)
        if is_reviewed and self.luck(Purpose.END) < 1.0 - willingness:
            self.is_active, self.ended = False, True

    def _look(self) -> None:
        """Trust, scale, and what each side expects, from the state as the step finds it."""
        for side in self.sides:
            side.trust = side.organization.trust_in(self)
        self.scale = rules.work_scale(self.sides[0].trust, self.sides[1].trust, self.terms)
        for side in self.sides:
            side.weight = rules.loyal_intention(side.organization.intention, self.connection, self.terms)
            side.utilities = side.organization.utilities(self)
        first, second = self.sides
        for side, other in ((first, second), (second, first)):
            best = rules.best_of(*side.utilities, self.terms)
            side.advantage = rules.advantage(best, self.silo, side.burden, other.burden, side.weight)

    def _willingness(self) -> float:
        first, second = self.sides
        return first.organization.willing(self) * second.organization.willing(self)

    def _meet_conflict(self) -> None:
        first, second = self.sides
        p = self.terms
        if not self.luck(Purpose.CONFLICT) < rules.conflict_chance(self.value_distance, self.tension, first.share, p):
            return
        responses = [side.organization.respond(self) for side in self.sides]
        if responses == [rules.TOWARD, rules.TOWARD]:
            self.conflict = BOTH_TOWARD
            self.tension = rules.repaired(self.tension, p)
            self.alignment = rules.grown(self.alignment, p.alignment_rate)
            self.connection = rules.grown(self.connection, p.connection_rate)
            for side in self.sides:
                side.beliefs[rules.COOPERATE] += 1.0
            return
        is_against = rules.AGAINST in responses
        self.conflict = ANY_AGAINST if is_against else UNREPAIRED
        self.tension = rules.heated(self.tension, is_against, p)
        if is_against:
            self.connection = rules.strained(self.connection, p)
            for response, other in zip(responses, (second, first), strict=True):
                if response == rules.AGAINST:
                    other.see_breach(p)

    def _play(self) -> None:
        first, second = self.sides
        p = self.terms
        for side in self.sides:
            side.act = side.organization.choose(self)
        is_peaceful = first.act != rules.COMPETE and second.act != rules.COMPETE
        self.is_setback = is_peaceful and self.luck(Purpose.SETBACK) < p.setback
        self.is_mutual = first.act == rules.COCREATE and second.act == rules.COCREATE
        self.alignment_in_play, self.tension_in_play = self.alignment, self.tension
        creation = 0.0
        if not self.is_setback:
            effective = self.alignment * (1.0 - self.tension)
            creation = rules.joint_creation(
                p.synergy, self.spill, self.resource, self.credit, self.complementarity, effective
            )
        for side, other in ((first, second), (second, first)):
            side.payoff = rules.payoff(side.act, other.act, side.share, self.scale, self.silo, creation, p) - side.cost

    def _learn(self) -> None:
        first, second = self.sides
        p = self.terms
        breach = rules.breach_weight(self.connection, p)
        for side, other in ((first, second), (second, first)):
            earned = rules.earned_utility(side.payoff, other.payoff, side.weight)
            side.earned[side.act] = rules.reinforced(side.earned[side.act], earned, p)
            read = side.organization.read(self, other.act)
            side.beliefs = [rules.belief_updated(b, act, read, breach, p) for act, b in enumerate(side.beliefs)]
            side.last_read = read
            side.is_hurt = side.act != rules.COMPETE and read == rules.COMPETE
        self.alignment = rules.alignment_after_work(self.alignment, first.act, second.act, self.is_setback, p)
        self.tension = rules.eased(self.tension, p)
        if self.is_mutual:
            self.connection = rules.connection_through_work(self.connection, p)

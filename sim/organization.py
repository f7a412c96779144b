"""An organization that chooses: a Mesa agent whose decisions are methods, each made to be overridden.

``choose``, ``respond``, ``read``, ``trust_in``, ``utilities`` and ``willing`` decide about one partnership;
``renew``, ``reflect``, ``compare`` and ``move`` are what a step does to the organization itself.
"""

from __future__ import annotations

import mesa

from sim import rules
from sim.chance import Purpose, draw, pick


class Organization(mesa.Agent):
    """One organization; see docs/model.md for its fields. ``index`` is its place in the canonical order."""

    def __init__(self, model, index: int):
        super().__init__(model)
        people = model.people
        self.index = index
        self.sector = int(people.sector[index])
        self.power, self.log_power = float(people.power[index]), float(people.log_power[index])
        self.is_participant = bool(people.participates[index])
        self.values, self.focus = float(people.values[index]), float(people.focus[index])
        self.intention = float(people.intention[index])
        self.disposition = float(people.disposition[index])
        self.scarcity = float(people.scarcity[index])
        self.wealth = self.income = self.late_income = 0.0
        self.is_new = False
        self.partnerships: list = []  # all potential ones, in canonical order; the model fills them in
        self.n_active = self.n_mutual = 0

    @property
    def terms(self):
        """The parameters in force for this organization now."""
        return self.model.terms(self.is_participant)

    def luck(self, purpose: int) -> float:
        """The uniform number for one of its own purposes in this step."""
        return draw(self.model.seed_key, self.model.now, self.index, int(purpose))

    def involvement(self, partnership) -> float:
        """Share of its other potential partnerships that co-created in the step before."""
        others = self.n_mutual - self.model.was_mutual[partnership.index]
        return rules.involvement(others, len(self.partnerships) - 1)

    # --- decisions about a partnership --------------------------------------------------------------------------

    def choose(self, partnership) -> int:
        """The act in this step: 0 compete, 1 cooperate, 2 co-create. By default the scenario's choice rule."""
        side, p = partnership.side_of(self), partnership.terms
        if p.choice == 0:
            chances = rules.logit(*side.utilities, p)
        elif p.choice == 1:
            chances = rules.reciprocal(side.utilities[1], side.utilities[2], side.trust, side.last_read, p)
        else:
            chances = rules.logit(*side.earned, p)
        return rules.chosen(chances[0], chances[1], partnership.luck(Purpose.ACT_I, self))

    def respond(self, partnership) -> int:
        """How it meets a conflict: 0 away, 1 toward, 2 against."""
        side = partnership.side_of(self)
        toward, against = rules.response_chances(side.trust, partnership.connection, partnership.terms)
        return rules.responded(toward, against, partnership.luck(Purpose.RESPONSE_I, self))

    def read(self, partnership, act: int) -> int:
        """How it reads its partner's act: noise, then pretense."""
        p = partnership.terms
        is_misread = partnership.luck(Purpose.MISREAD_I, self) < rules.misread_chance(partnership.connection, p)
        partner = partnership.partner_of(self)
        is_pretended = partnership.luck(Purpose.PRETEND_I, partner) < rules.pretense_chance(p)
        return rules.act_as_read(act, partnership.side_of(self).act, is_misread, is_pretended)

    def trust_in(self, partnership) -> float:
        """Trust in the partner, from beliefs."""
        return rules.trust(*partnership.side_of(self).beliefs)

    def utilities(self, partnership) -> tuple[float, float, float]:
        """Utility of each act, as it sees the partnership now."""
        side, p = partnership.side_of(self), partnership.terms
        creation = rules.joint_creation(
            rules.believed_synergy(self.scarcity, p), partnership.spill, partnership.resource, partnership.credit,
            partnership.complementarity, rules.foreseen_alignment(partnership.alignment, partnership.tension, p),
        )  # fmt: skip
        return rules.utilities(
            *side.beliefs,
            side.trust,
            side.share,
            partnership.scale,
            partnership.silo,
            creation,
            side.weight,
            side.burden,
            p,
        )

    def willing(self, partnership) -> float:
        """Chance that it wants this partnership rather than the silo, when forming or reviewing it."""
        return rules.willing(partnership.side_of(self).advantage, partnership.terms)

    # --- a step of its own --------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Change leadership, perhaps; the new leader is like a random organization of the sector at the start."""
        p = self.terms
        self.is_new = False
        if p.turnover > 0.0 and self.luck(Purpose.LEADER) < p.turnover and not self.luck(Purpose.SURVIVE) < p.structure:
            peers = self.model.sector_peers(self.sector)
            donor = peers[pick(self.luck(Purpose.DONOR), len(peers))]
            people = self.model.people
            self.intention = float(people.intention[donor])
            self.disposition = float(people.disposition[donor])
            self.scarcity = float(people.scarcity[donor])
            self.is_new = True
        if p.scarcity_shock > 0.0:
            self.scarcity = rules.scarcity_shocked(self.scarcity, p)

    def reflect(self) -> None:
        """Count the step's income and learn from the partnerships that were active."""
        p = self.terms
        self.income = 0.0
        for partnership in self.partnerships:
            self.income += partnership.side_of(self).payoff
        self.wealth += self.income
        if self.model.is_late:
            self.late_income += self.income
        self.n_active = sum(partnership.is_active for partnership in self.partnerships)
        worked = [partnership for partnership in self.partnerships if partnership.was_active]
        created = [partnership for partnership in worked if partnership.is_mutual]
        self.n_mutual = len(created)
        if not worked:
            return
        lessons = trusted = 0.0
        for partnership in created:
            lessons += 1.0 if partnership.is_setback else rules.experienced_scarcity(p)
        for partnership in worked:
            trusted += partnership.side_of(self).trust
        n_hurt = sum(partnership.side_of(self).is_hurt for partnership in worked)
        experience = lessons / len(created) if created else 0.0
        share_created, share_hurt = len(created) / len(worked), n_hurt / len(worked)
        self.scarcity = rules.scarcity_learned(self.scarcity, share_created, experience, share_hurt, p)
        self.disposition = rules.disposition_learned(self.disposition, trusted / len(worked), p)

    def compare(self) -> None:
        """Look at a random active partner's income; ``move`` follows once all have looked."""
        p = self.terms
        self.aim = self.intention
        if not self.luck(Purpose.COMPARE) < p.imitation:
            return
        worked = [partnership for partnership in self.partnerships if partnership.was_active]
        if not worked:
            return
        partner = worked[pick(self.luck(Purpose.MODEL), len(worked))].partner_of(self)
        own, other = (x.income / len(x.partnerships) for x in (self, partner))
        if self.luck(Purpose.ADOPT) < rules.adoption_chance(own, other, p):
            self.aim = rules.intention_adopted(self.intention, partner.intention, p)

    def move(self) -> None:
        """Take over what ``compare`` found."""
        self.intention = self.aim


class TitForTat(Organization):
    """Opens by cooperating, then does what it last read its partner doing. Source: Axelrod & Hamilton 1981.

    An example of an organization of one's own: one decision overridden, the rest of the model as it stands.
    """

    def choose(self, partnership) -> int:
        last = partnership.last_read(self)
        return rules.COOPERATE if last < 0 else last

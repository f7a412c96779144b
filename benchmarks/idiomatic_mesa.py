"""The game of partnerships as a reader of Mesa's tutorial would write it: agents, a networkx graph, a DataCollector.

The same game in substance, at levers 0: acts by logit choice over beliefs, intention toward the partner, the shadow
of the future, spill-over from partners who co-create, trust, bonds, alignment, conflict and repair, misreading and
pretense, forming, review and rupture, changes of leadership, learning organizations. Left out: the levers and
whatever only they reach (small beginnings, the connection phase, convening), sectors, the ledger, the other choice
rules, and common random numbers: it draws from the model's generator, as Mesa models do. Nothing is tuned for speed
and nothing is slowed down.
"""

from __future__ import annotations

import math

import mesa
import networkx as nx

SYNERGY, COLLECTIVE, CROWDING, DUPLICATION, RIVALRY, APPROPRIATION = 3.0, 1.0, 0.01, 0.45, 0.25, 0.45
INVESTMENT, ENGAGEMENT, UPKEEP, CREDIT_SEEKING, EXTRACTION, RESOURCE = 0.35, (0.0, 0.25, 1.0), 0.02, 0.1, 0.5, 0.5
CONFLICT_RATE, MISPERCEPTION, PRETENSE, SETBACK, TURNOVER, OUTREACH, REVIEW = 0.1, 0.05, 0.1, 0.05, 0.015, 0.1, 0.02
RATIONALITY, PATIENCE, VISION, MEMORY, NEGATIVITY, IMAGINED = 5.0, 0.6, 0.4, 0.95, 3.0, 5.0
SCARCITY_RATE = DISPOSITION_RATE = 0.05
ALIGNMENT_RATE = CONNECTION_RATE = 0.1
CONNECTION_DECAY, LOYALTY, FIRST_ALIGNMENT, TENSION_RISE, TENSION_DECAY, REPAIR = 0.98, 0.5, 0.6, 0.2, 0.93, 0.7
TOWARD_BASE, TOWARD_BEST, HOPE, PRIOR = 0.33, 0.87, 0.3, 2.0
COMPETE, COOPERATE, COCREATE = range(3)


def ring_distance(a, b):
    """Distance of two places on a ring, 0 to 1."""
    return 2 * min(abs(a - b), 1 - abs(a - b))


class Organization(mesa.Agent):
    """Has power, intention, trust in strangers and a mindset of scarcity, and learns."""

    def __init__(self, model):
        super().__init__(model)
        rng = model.rng
        self.power = rng.lognormal()
        self.values, self.focus = rng.random(), rng.random()
        self.lead()
        self.income = 0.0
        self.n_active = self.n_mutual = 0

    def lead(self):
        """A leadership, drawn from the population's distributions."""
        rng = self.model.rng
        self.intention = min(1.0, max(-1.0, rng.normal(0.3, 0.45)))
        self.disposition = rng.beta(3, 3)
        self.scarcity = min(1.0, max(0.0, rng.normal(0.5, 0.2)))

    def renew(self):
        """Changes its leadership now and then, and forgets its partners."""
        self.income, self.trusted, self.lessons, self.n_hurt, self.n_worked = 0.0, 0.0, 0.0, 0, 0
        if self.model.rng.random() < TURNOVER:
            self.lead()
            for partner in self.model.graph.neighbors(self):
                self.model.graph.edges[self, partner]["tie"].forget()

    def reflect(self):
        """Learns from the ties that were active in the step."""
        ties = [self.model.graph.edges[self, partner]["tie"] for partner in self.model.graph.neighbors(self)]
        self.n_active, self.n_mutual = sum(t.active for t in ties), sum(t.mutual for t in ties)
        if self.n_worked:
            experience = self.lessons / self.n_mutual if self.n_mutual else 0.0
            self.scarcity += SCARCITY_RATE * self.n_mutual / self.n_worked * (experience - self.scarcity)
            self.scarcity += SCARCITY_RATE * (1 - self.scarcity) * self.n_hurt / self.n_worked
            self.disposition += DISPOSITION_RATE * (self.trusted / self.n_worked - self.disposition)


class Tie:
    """A potential partnership of two organizations."""

    def __init__(self, model, first, second):
        self.model, self.ends = model, (first, second)
        distance = ring_distance(first.focus, second.focus)
        self.silo = 1 - DUPLICATION * (1 - distance)
        self.distance = ring_distance(first.values, second.values)
        power = [end.power**EXTRACTION for end in self.ends]
        self.share = [p / sum(power) for p in power]
        self.worth = 4 * distance * (1 - distance) * (first.power * second.power) ** (RESOURCE / 2)
        self.active, self.tension, self.mutual = model.rng.random() < 0.3, 0.0, False
        self.alignment = FIRST_ALIGNMENT * (1 - self.distance)
        self.forget()

    def forget(self):
        """Both sides return to what is believed of a stranger."""
        self.connection = 0.0
        self.beliefs = []
        for end in self.ends:
            good = PRIOR * end.disposition
            self.beliefs.append([PRIOR - good, good * (1 - HOPE), good * HOPE])

    def payoff(self, act, other, share, creation):
        """Own payoff, before overhead."""
        invested = INVESTMENT if act == COCREATE else 0.0
        if act == COMPETE and other == COMPETE:
            return self.silo + APPROPRIATION * (2 * share - 1) - RIVALRY
        if act == COMPETE:
            return self.silo + 2 * APPROPRIATION * share
        if other == COMPETE:
            return self.silo - 2 * APPROPRIATION * (1 - share) - invested
        return 1 + share * creation * ENGAGEMENT[act] * ENGAGEMENT[other] - invested

    def look(self, side):
        """Trust, weight on the partner, utilities of the acts, and the chance to want the partnership."""
        own, share, beliefs = self.ends[side], self.share[side], self.beliefs[side]
        trust = 1 - beliefs[COMPETE] / sum(beliefs)
        weight = own.intention + LOYALTY * self.connection * (1 - own.intention)
        today = self.alignment * (1 - self.tension)
        creation = IMAGINED * (1 - own.scarcity) * self.spill * (1 - self.credit) * self.worth
        creation *= today + VISION * (1 - today)
        utilities = []
        for act in range(3):
            utility = 0.0
            for other in range(3):
                theirs = self.payoff(other, act, 1 - share, creation)
                utility += beliefs[other] / sum(beliefs) * (self.payoff(act, other, share, creation) + weight * theirs)
            utilities.append(utility)
        best = max(self.payoff(a, a, share, creation) for a in (COOPERATE, COCREATE))
        worst = max(self.payoff(COMPETE, COMPETE, share, creation), self.silo + self.overhead[side])
        utilities[COMPETE] -= PATIENCE / (1 - PATIENCE) * trust * max(0.0, best - worst)
        utilities = [u / (1 + abs(weight)) for u in utilities]
        apart = self.silo + self.overhead[side] + weight * (self.silo + self.overhead[1 - side])
        wants = 1 / (1 + math.exp(-RATIONALITY * (max(utilities) - apart / (1 + abs(weight)))))
        return trust, utilities, wants

    def step(self):
        """One month."""
        rng = self.model.rng
        first, second = self.ends
        others = [max(1, self.model.graph.degree(end) - 1) for end in self.ends]
        involved = sum((end.n_mutual - self.mutual) / n for end, n in zip(self.ends, others, strict=True))
        self.spill = 1 + COLLECTIVE * involved / 2
        self.credit = CREDIT_SEEKING * (2 - max(0, first.intention) - max(0, second.intention)) / 2
        self.overhead = [UPKEEP + CROWDING * (end.n_active - self.active) for end in self.ends]
        self.mutual = self.hurt = False
        self.act = self.setback = None
        if not self.active:
            self.pay(self.silo, self.silo)
            if rng.random() < OUTREACH and rng.random() < self.look(0)[2] * self.look(1)[2]:
                self.active = True
                self.alignment = max(self.alignment, FIRST_ALIGNMENT * (1 - self.distance))
            return
        sides = [self.look(side) for side in range(2)]
        for end, (trust, _, _) in zip(self.ends, sides, strict=True):
            end.n_worked += 1
            end.trusted += trust
        uneven = abs(2 * self.share[0] - 1)
        chance = CONFLICT_RATE * self.distance * (1 + self.tension) * (1 + uneven)
        if rng.random() < chance and self.quarrel([trust for trust, _, _ in sides]):
            self.pay(self.silo - self.overhead[0], self.silo - self.overhead[1])
        else:
            self.play([self.choose(utilities) for _, utilities, _ in sides])
        self.connection *= CONNECTION_DECAY
        if rng.random() < REVIEW * (1 - self.connection) and rng.random() > sides[0][2] * sides[1][2]:
            self.active = False
            self.model.n_ruptures += 1

    def pay(self, *payoffs):
        """Brings home what the step gave."""
        for end, payoff in zip(self.ends, payoffs, strict=True):
            end.income += payoff

    def choose(self, utilities):
        """Logit choice."""
        weights = [math.exp(RATIONALITY * (u - max(utilities))) for u in utilities]
        return int(self.model.rng.choice(3, p=[w / sum(weights) for w in weights]))

    def quarrel(self, trusts):
        """A conflict; tells whether both turned toward one another."""
        responses = []
        for trust in trusts:
            safe = trust + (1 - trust) * self.connection
            toward = TOWARD_BASE + (TOWARD_BEST - TOWARD_BASE) * self.connection * safe
            against = (1 - toward) * (1 - safe)
            responses.append(self.model.rng.choice(3, p=[toward, against, 1 - toward - against]))
        if responses == [0, 0]:
            self.tension *= 1 - REPAIR
            self.alignment += ALIGNMENT_RATE * (1 - self.alignment)
            self.connection += CONNECTION_RATE * (1 - self.connection)
            for beliefs in self.beliefs:
                beliefs[COOPERATE] += 1
            return True
        self.tension = 1 - (1 - self.tension) * (1 - TENSION_RISE) ** (2 if 1 in responses else 1)
        if 1 in responses:
            self.connection *= 1 - CONNECTION_RATE
        for side in range(2):
            if responses[side] == 1:
                self.beliefs[1 - side][COMPETE] += NEGATIVITY
        return False

    def play(self, acts):
        """The acts, what they earn, and what both learn from them."""
        rng = self.model.rng
        peaceful = COMPETE not in acts
        setback = peaceful and rng.random() < SETBACK
        creation = SYNERGY * self.spill * (1 - self.credit) * self.worth * self.alignment * (1 - self.tension)
        creation = 0.0 if setback else creation
        for side in range(2):
            payoff = self.payoff(acts[side], acts[1 - side], self.share[side], creation)
            self.ends[side].income += payoff - self.overhead[side]
            self.learn(side, acts[side], acts[1 - side])
        if peaceful:
            together = math.sqrt(ENGAGEMENT[acts[0]] * ENGAGEMENT[acts[1]])
            self.alignment += ALIGNMENT_RATE * together * (1 - self.alignment)
            self.alignment *= 1 - ALIGNMENT_RATE if setback else 1
        else:
            self.alignment *= 1 - ALIGNMENT_RATE / 2
        self.tension *= TENSION_DECAY
        self.mutual = acts == [COCREATE, COCREATE]
        if self.mutual:
            self.connection += CONNECTION_RATE / 4 * (1 - self.connection)
            for end in self.ends:
                end.lessons += 1.0 if setback else 1 - min(1, SYNERGY / IMAGINED)
        self.model.acts += acts

    def learn(self, side, own, act):
        """Reads the partner's act and updates the beliefs about it."""
        rng, read = self.model.rng, act
        if act != COMPETE and rng.random() < MISPERCEPTION * (1 - self.connection):
            read = COMPETE
        elif act == COOPERATE and rng.random() < PRETENSE:
            read = COMPETE if own == COCREATE else COCREATE
        breach = 1 + (NEGATIVITY - 1) * (1 - self.connection)
        self.beliefs[side] = [count * MEMORY for count in self.beliefs[side]]
        self.beliefs[side][read] += breach if read == COMPETE else 1
        self.ends[side].n_hurt += own != COMPETE and read == COMPETE


class Partnerships(mesa.Model):
    """Organizations on a small world of potential partnerships. Runs for ``steps`` months."""

    def __init__(self, n=100, degree=6, rewiring=0.1, steps=200, seed=None):
        super().__init__(seed=seed)
        self.n_steps, self.acts, self.n_ruptures = steps, [], 0
        organizations = [Organization(self) for _ in range(n)]
        small_world = nx.watts_strogatz_graph(n, degree, rewiring, seed=self.random.randrange(2**32))
        self.graph = nx.relabel_nodes(small_world, dict(enumerate(organizations)))
        for first, second in self.graph.edges:
            tie = Tie(self, first, second)
            self.graph.edges[first, second]["tie"] = tie
            first.n_active += tie.active
            second.n_active += tie.active
        self.ties = [tie for _, _, tie in self.graph.edges(data="tie")]
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "value": lambda m: sum(a.income for a in m.agents) / len(m.ties),
                "active": lambda m: sum(t.active for t in m.ties) / len(m.ties),
                "mutual": lambda m: sum(t.mutual for t in m.ties) / len(m.ties),
                "cocreate": lambda m: m.acts.count(COCREATE) / max(1, len(m.acts)),
                "trust": lambda m: sum(a.trusted for a in m.agents) / max(1, sum(a.n_worked for a in m.agents)),
            }
        )

    def step(self):
        """One month."""
        self.acts = []
        self.agents.do("renew")
        for tie in self.ties:
            tie.step()
        self.agents.do("reflect")
        self.datacollector.collect(self)
        self.running = self.steps < self.n_steps

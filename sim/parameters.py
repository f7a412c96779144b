"""Every number and choice of the model, each declared once: name, default, interval, unit, meaning, source.

``Scenario()`` is the baseline; ``Scenario().replace(name=value, ...)`` takes any parameter by its unique name,
checks it at the door and returns a new, frozen scenario. ``PARAMETERS`` is the same table for documentation.
One step is about a month; payoffs are in *stakes* (what one organization brings to one tie in one step).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from sim.errors import ScenarioError, suggestion
from sim.reading import checked
from sim.vocabulary import EVENT_KINDS, LEVERS, NETWORKS, RECRUITS, RULES, Event, Parameter, Phase, Sector

__all__ = [
    "BY_NAME", "EVENT_KINDS", "LEVERS", "NETWORKS", "PARAMETERS", "PRESETS", "RECRUITS", "RULES",
    "Event", "Parameter", "Phase", "Scenario", "Sector",
]  # fmt: skip


# fmt: off
def _declare(kind, default, meaning, source, *, unit="", low=None, high=None, group="", choices=(), open_low=False, open_high=False):
    about = dict(kind=kind, unit=unit, low=low, high=high, meaning=meaning, source=source, group=group, choices=tuple(choices), open_low=open_low, open_high=open_high)  # fmt: skip
    return field(default=default, metadata=about)


_MOST = 1e6  # far beyond any use; it keeps every product of parameters a finite number


def _share(default, meaning, source, **rest):
    return _declare("real", default, meaning, source, unit="share", low=0.0, high=1.0, **rest)


def _chance(default, meaning, source, **rest):
    return _declare("real", default, meaning, source, unit="probability per step", low=0.0, high=1.0, **rest)


def _stakes(default, meaning, source, **rest):
    return _declare("real", default, meaning, source, unit="stakes per step", low=0.0, high=_MOST, **rest)


def _number(default, meaning, source, unit="number", high=_MOST, **rest):
    return _declare("real", default, meaning, source, unit=unit, high=high, **rest)


def _lever(meaning, why):
    return _share(0.0, meaning, f"Our assumption, because {why}; no experiment isolates its size", group="design")


def _assumed(why):
    return f"Our assumption, because {why}"


_PLACEHOLDER = "the baseline should be neither doomed nor blessed"


@dataclass(frozen=True)
class Scenario:
    """A world, how organizations behave in it, who they are, and the partnership design they try. Frozen.

    Every field is a parameter; its unit, interval and source stand in ``PARAMETERS``.
    """

    # --- the world: what partnerships can yield and what they cost ---
    synergy: float = _stakes(3.0, "what a fully aligned pair creates together per step, beyond what both bring", _assumed(_PLACEHOLDER + "; 0 is a fixed pie"), group="world")
    collective: float = _number(1.0, "how much more a pair creates when both ends' other partners co-create too", _assumed("spill-over of collective work has no agreed size"), low=0.0, group="world")
    crowding: float = _stakes(0.01, "overhead that each other active partnership adds", _assumed("attention is finite: more partners cost more each"), group="world")
    duplication: float = _share(0.45, "share of a silo's effort lost to doing the same work twice, at full overlap", _assumed("the essays name duplicated effort as a cost of silos, not its size"), group="world")
    rivalry: float = _stakes(0.25, "what each side loses when both compete", _assumed("contests waste part of what is contested (Tullock 1980)"), group="world")
    appropriation: float = _stakes(0.45, "how much of the stakes can be taken by competing", _assumed("it makes competing tempting against cooperation, as in a prisoner's dilemma"), group="world")
    investment: float = _stakes(0.35, "what a co-creator spends up front, each step", _assumed("co-creation must be dearer than cooperation to be a choice"), group="world")
    engagement: float = _share(0.25, "engagement of a cooperator, where a co-creator's is 1", _assumed("cooperation is coordination without joint creation"), group="world")
    upkeep: float = _stakes(0.02, "overhead of one active partnership for each side", _assumed("meetings and reporting cost something"), group="world")
    lever_cost: float = _stakes(0.015, "overhead of one lever at full intensity for each side", _assumed("practices cost time; break-even prices are reported rather than trusting it"), group="world")
    credit_seeking: float = _share(0.1, "share of joint creation lost to pursuing visibility when intentions are not transformational", _assumed("visibility over value is named as a cost, not measured"), group="world")
    extraction: float = _number(0.5, "exponent of power in the division of what is created or contested (ratio contest)", "Tullock 1980; Skaperdas 1996; its value is our assumption", low=0.0, high=20.0, group="world")
    resource: float = _number(0.5, "exponent of the pair's geometric mean power in what they can create", _assumed("larger organizations bring more, less than proportionally"), low=0.0, high=4.0, group="world")
    conflict_rate: float = _chance(0.1, "chance of a conflict in a tie at full distance of values, equal power and no tension", _assumed("conflict is common and grows with distance of values"), group="world")
    misperception: float = _chance(0.05, "chance that an act other than compete is misread as compete", "noise of implementation and perception as in Axelrod & Dion 1988; its value is our assumption", group="world")
    pretense: float = _chance(0.1, "chance that a cooperator pretends to co-create", _assumed("commitment is cheap to profess"), group="world")
    setback: float = _chance(0.05, "chance that joint creation fails in a step", _assumed("joint work fails now and then for reasons of its own"), group="world")
    turnover: float = _chance(0.015, "chance that an organization changes its leadership", "about one change in five and a half years; nonprofit executives' tenure is of that order; its value is our assumption", group="world")
    outreach: float = _chance(0.1, "chance that a dormant tie is considered", _assumed("partners that could meet do so about once a year"), group="world")
    convening_reach: float = _number(3.0, "how many times more often convening makes complementary partners consider one another", _assumed("convening multiplies introductions"), low=0.0, group="world")
    review: float = _chance(0.02, "chance that an active partnership comes up for review", _assumed("agreements run for years"), group="world")
    punishment: str = _declare("choice", "exit", "what the shadow of the future threatens: the milder of fighting back and leaving, or fighting back only", "Friedman 1971 (reversion to the one-shot equilibrium); exit is our assumption, because partners may leave", choices=("exit", "compete"), group="world")
    game: tuple | None = _declare("table", None, "an explicit symmetric 2x2 or 3x3 game (rows own act, columns partner's) in place of the stage game", "laboratory and textbook games", unit="stakes per step", group="world")
    # --- behavior: how organizations choose and learn ---
    choice: str = _declare("choice", "belief", "the rule by which acts are chosen", "Fudenberg & Levine 1998 (belief); Nowak & Sigmund 1992 (reciprocal); Roth & Erev 1995 (experience)", choices=RULES, group="behavior")
    rationality: float = _number(5.0, "precision of logit choice", "McKelvey & Palfrey 1995 (quantal response); its value is our assumption", unit="per stake", low=0.0, group="behavior")
    patience: float = _declare("real", 0.6, "monthly discount times the chance that a breach is still being punished next month", "Friedman 1971; Dal Bó & Fréchette 2011; its value is our assumption", unit="factor per step", low=0.0, high=1.0, open_high=True, group="behavior")
    vision: float = _share(0.4, "how far the foreseen alignment reaches from today's toward full", _assumed("organizations plan on some improvement"), group="behavior")
    memory: float = _share(0.95, "what remains of past evidence after one step", "stochastic fictitious play with forgetting (Fudenberg & Levine 1998); its value is our assumption", group="behavior")
    negativity: float = _number(3.0, "weight of an act read as compete, where any other weighs 1", "negativity bias (Baumeister et al. 2001; Slovic 1993); its value is our assumption", unit="acts", low=0.01, group="behavior")
    imagined_synergy: float = _stakes(5.0, "what an organization without any scarcity mindset believes the synergy to be, whatever it is", _assumed("hope may overshoot the truth"), open_low=True, group="behavior")
    scarcity_rate: float = _share(0.05, "rate at which experience moves the scarcity mindset", _assumed("mindsets move over a year or two"), group="behavior")
    disposition_rate: float = _share(0.05, "rate at which experience moves trust in strangers", _assumed("generalised trust moves slowly"), group="behavior")
    alignment_rate: float = _share(0.1, "rate at which working together aligns", _assumed("agreement on how to work takes months"), group="behavior")
    connection_rate: float = _share(0.1, "rate at which bonds grow", _assumed("bonds take months"), group="behavior")
    connection_decay: float = _share(0.98, "what remains of a bond after one step without renewal", _assumed("untended bonds fade over years"), group="behavior")
    loyalty: float = _share(0.5, "how far a full bond moves intention toward the partner's payoff", "affective social ties (van Dijk & van Winden 1997); its value is our assumption", group="behavior")
    initial_alignment: float = _share(0.6, "alignment of a new tie between organizations of the same values", _assumed(_PLACEHOLDER), group="behavior")
    tension_rise: float = _share(0.2, "how far an unrepaired conflict raises tension", _assumed("conflict lingers"), group="behavior")
    tension_decay: float = _share(0.93, "what remains of tension after one step of work", _assumed("tension fades within a year"), group="behavior")
    repair: float = _share(0.7, "share of tension resolved when both turn toward one another", _assumed("repair works, not fully"), group="behavior")
    toward_base: float = _share(0.33, "chance of turning toward in a conflict without practice, bond or trust", "couples who later divorced (Gottman & Driver 2005); carried over as an analogy", group="behavior")
    toward_best: float = _share(0.87, "chance of turning toward at best", "couples who stayed together (Gottman & Driver 2005); carried over as an analogy", group="behavior")
    scale_at: float = _declare("real", 0.8, "trust at which a pair that starts small works at full scale", _assumed("nobody waits for certainty"), unit="trust", low=0.0, high=_MOST, open_low=True, group="behavior")
    tremble: float = _chance(0.05, "chance of any act under the reciprocal rule", "Selten 1975; its value is our assumption", group="behavior")
    learning_rate: float = _share(0.1, "rate at which realised payoffs move the value of an act under the experience rule", "Roth & Erev 1995 (recency form); its value is our assumption", group="behavior")
    imitation: float = _chance(0.0, "chance that an organization compares itself with a partner", "pairwise comparison (Traulsen, Nowak & Pacheco 2006); off by default", group="behavior")
    imitation_step: float = _share(0.5, "how far it moves to that partner's intention", _assumed("imitation is partial"), group="behavior")
    selection: float = _number(1.0, "intensity of selection in that comparison", "Traulsen, Nowak & Pacheco 2006; its value is our assumption", unit="per stake", low=0.0, group="behavior")
    # --- the population ---
    n_organizations: int = _declare("integer", 100, "number of organizations", _assumed("a city's coalition field"), unit="organizations", low=2, high=20_000_000, group="population")
    network: str = _declare("choice", "small-world", "network of potential partnerships", "Watts & Strogatz 1998; Erdős & Rényi 1959; Barabási & Albert 1999; Borgatti & Everett 2000", choices=NETWORKS, group="population")
    degree: float = _number(6.0, "mean number of potential partners", _assumed("organizations know a handful of possible partners"), unit="ties per organization", low=0.0, open_low=True, group="population")
    rewiring: float = _share(0.1, "chance that a tie of the small world is rewired", "Watts & Strogatz 1998; its value is our assumption", group="population")
    density_within: float = _share(0.2, "share of pairs within a sector that are potential partners (network = sectors)", _assumed("sectors know their own"), group="population")
    density_between: float = _share(0.03, "share of pairs across sectors that are potential partners (network = sectors)", _assumed("sectors know others less"), group="population")
    sectors: tuple[Sector, ...] = _declare("table", (), "sectors: name, share, power, intention, trust, scarcity, values, focus, spread", _assumed("one sector unless a study names several"), group="population")
    organizations: str = _declare("path", "", "CSV file of organizations (network = file): id and any of sector, power, intention, disposition, scarcity, values, focus", "observed data", group="population")
    ties: str = _declare("path", "", "CSV file of potential ties (network = file): source, target and any of active, overlap, complementarity, value_distance", "observed data", group="population")
    power_inequality: float = _number(1.0, "standard deviation of the log of power", "organization sizes are close to lognormal (Cabral & Mata 2003); its value is our assumption", unit="log units", low=0.0, high=5.0, group="population")
    trust: float = _share(0.5, "mean trust in a stranger at the start", _assumed(_PLACEHOLDER), group="population")
    trust_concentration: float = _number(6.0, "concentration of the Beta distribution of trust in strangers", _assumed("organizations differ in it"), low=1e-6, group="population")
    hope: float = _share(0.3, "share of expected good acts that are expected to be co-creation", _assumed(_PLACEHOLDER), group="population")
    prior_strength: float = _number(2.0, "weight of the prior about a partner", "pseudo-counts of a Dirichlet prior; its value is our assumption", unit="acts", low=1e-6, group="population")
    intention: float = _declare("real", 0.3, "mean weight on the partner's payoff: -1 rivalrous, 0 transactional, 1 transformational", "other-regarding preferences (Levine 1998); its value is our assumption", unit="weight", low=-1.0, high=1.0, group="population")
    intention_sd: float = _number(0.45, "standard deviation of intention", _assumed("organizations differ in it"), unit="weight", low=0.0, group="population")
    scarcity: float = _share(0.5, "mean zero-sum mindset: share of the imagined synergy not believed in", _assumed(_PLACEHOLDER), group="population")
    scarcity_sd: float = _number(0.2, "standard deviation of the zero-sum mindset", _assumed("organizations differ in it"), unit="share", low=0.0, group="population")
    initial_active: float = _share(0.3, "chance that a potential partnership is active at the start", _assumed(_PLACEHOLDER), group="population")
    # --- the partnership design ---
    listening: float = _lever("listening before leading: bonds and alignment grow faster, acts are misread less", "who listens first is understood and understands")
    shared_values: float = _lever("aligning values before agendas: less distance of values, so fewer conflicts and better first alignment", "agendas divide less where values are shared")
    start_small: float = _lever("building trust before scaling impact: a pair works at a smaller scale until trust is there", "what is not at stake yet cannot be betrayed")
    turn_toward: float = _lever("turning toward one another in conflict: more repair, nobody strikes back, less pretense", "bids that are met build bonds (Gottman & Driver 2005, an analogy)")
    curiosity: float = _lever("curiosity that dismantles power imbalance: power counts less in the division of what is created or contested", "terms set together reflect power less")
    celebration: float = _lever("celebrating progress and process: less lost to credit seeking, setbacks and breaches hurt less, work bonds more", "recognition makes credit less scarce")
    accountability: float = _lever("mutual accountability, measurable goals: competing takes less from a partner who does not", "what is measured is harder to take")
    structure: float = _lever("partnerships that do not depend on personalities or politics: a change of leadership leaves their course alone", "written roles outlive the people in them")
    milestones: float = _lever("long-term vision with short-term milestones: more of the future alignment is foreseen", "visible progress makes a goal believable")
    commitment: float = _lever("long-term commitment: a longer shadow of the future, and no easy way out", "who stays can punish and reward longer")
    shared_investment: float = _lever("shared investment in people and outcomes: a cooperating partner carries part of a co-creator's investment", "shared cost makes the first step cheaper")
    convening: float = _lever("connection made on purpose: complementary partners who stay apart are introduced more often, at a cost", "partners who never meet cannot start")
    connection_steps: int = _declare("integer", 0, "steps of connection before work, in each new partnership: nothing is created meanwhile", _assumed("connection first, collaboration second; its price is time"), unit="steps", low=0, high=10_000_000, group="design")
    participants: float = _share(1.0, "share of organizations that take part in the design", _assumed("everyone, unless a study asks how many are needed"), group="design")
    recruit: str = _declare("choice", "random", "who takes part first, or the name of a sector", _assumed("coalitions are built in these ways"), choices=RECRUITS, group="design")
    phases: tuple[Phase, ...] = _declare("table", (), "from a given step on, given levers take new values", _assumed("designs are rolled out in order"), group="design")
    # --- time ---
    steps: int = _declare("integer", 200, "length of a run", _assumed("long enough for the last quarter to be close to stationary"), unit="steps", low=1, high=10_000_000, group="time")
    events: tuple[Event, ...] = _declare("table", (), "scheduled events: kind, step, size, duration", _assumed("shocks are what designs are tested by"), group="time")

    # fmt: on

    def __post_init__(self):
        for name, value in checked({p.name: getattr(self, p.name) for p in PARAMETERS}, PARAMETERS).items():
            object.__setattr__(self, name, value)

    def replace(self, **changes: Any) -> Scenario:
        """A new scenario with these parameters changed; ``levers=x`` sets all twelve, before any named singly.

        Raises ScenarioError for an unknown name (the nearest is suggested), a wrong type or a value out of range.
        """
        if "levers" in changes:
            intensity = changes.pop("levers")
            changes = dict.fromkeys(LEVERS, intensity) | changes
        unknown = [name for name in changes if name not in _NAMES]
        if unknown:
            raise ScenarioError(f"unknown parameter {unknown[0]!r}{suggestion(unknown[0], (*_NAMES, 'levers'))}", key=unknown[0])  # fmt: skip
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values of all parameters, fit for TOML or JSON; ``Scenario(**d)`` brings the scenario back."""
        return {name: _plain(getattr(self, name)) for name in _NAMES}


def _plain(value: Any) -> Any:
    if isinstance(value, Phase):
        return {"step": value.step, **dict(value.changes)}
    if dataclasses.is_dataclass(value):
        return {k: v for k, v in dataclasses.asdict(value).items() if v is not None}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


_NAMES = tuple(f.name for f in dataclasses.fields(Scenario))
PARAMETERS: tuple[Parameter, ...] = tuple(
    Parameter(name=f.name, default=f.default, **{k: f.metadata[k] for k in Parameter._fields if k in f.metadata})
    for f in dataclasses.fields(Scenario)
)
BY_NAME: dict[str, Parameter] = {p.name: p for p in PARAMETERS}

# A preset is a set of changes to the baseline.
PRESETS: dict[str, dict[str, Any]] = {"coalition": {"n_organizations": 30, "degree": 8.0, "network": "core-periphery"}}

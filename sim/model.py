"""The Mesa engine: the story of a step, told by organizations and their partnerships.

1. Organizations may change leadership (``Organization.renew``).
2. Partnerships live through the step (``Partnership.step``): form, or connect, quarrel, play, learn, end.
3. Organizations reflect on it, and may imitate a partner.
4. The step is recorded by the same sums as the compiled engine's, so both give the same bits.

It exists to be read and changed; the compiled engine runs the same scenarios a thousand times faster.
"""

from __future__ import annotations

import secrets

import mesa
import numpy as np

from sim import measures, rules, state
from sim.chance import checked_seed
from sim.organization import Organization
from sim.parameters import Scenario
from sim.partnership import Partnership
from sim.population import build, sector_peers
from sim.schedule import segments
from sim.tally import N_COLUMNS, references, tally_organizations, tally_ties
from sim.trace import Trace, late_from


class PartnershipModel(mesa.Model):
    """A world of organizations and potential partnerships.

    ``scenario`` (default: the baseline) with any parameter changed by keyword, so that ``mesa.batch_run`` can sweep
    parameters. ``seed`` (or Mesa's ``rng``): a whole number from 0 to 2**64 - 1; None draws one from the operating
    system, as Mesa does. ``kind`` is the class of the organizations, or a function from index to class. After each
    step ``datacollector`` holds the seed and every series of ``sim.measures``. Same scenario and seed: the same
    numbers, bit for bit, as ``sim.simulate``. Raises ScenarioError or NetworkError.
    """

    def __init__(
        self, scenario: Scenario | None = None, seed: int | None = 1, *, kind=Organization, rng: int | None = None,
        with_ledger: bool = True, **parameters,
    ):  # fmt: skip
        asked = seed if rng is None else rng
        seed = secrets.randbits(63) if asked is None else checked_seed(asked)
        super().__init__(rng=seed)  # Mesa's own generators; the model draws from sim.chance only
        scenario = Scenario() if scenario is None else scenario
        self.parameters = scenario.replace(**parameters) if parameters else scenario
        self.seed_key = np.uint64(seed)
        self.people = build(self.parameters, seed)
        self.with_ledger = with_ledger
        self.now = 0  # the step that is running, or next to run
        self._segments = segments(self.parameters)
        self._enter_segment(self._segments[0])
        self._peers, self._first_peer = sector_peers(self.people.sector)
        self._settle(kind)
        self._ties, self._organizations, _ = state.initial(self.people, self._segment.inside)
        state.prepare(True, self._ties, self._organizations, self._force)
        self._references = references(self._ties, self._force)
        self._sums: list[np.ndarray] = []
        self._ended: list[int] = []
        reporters = {"seed": lambda model: int(model.seed_key)} | {name: _latest(name) for name in measures.SERIES}
        self.datacollector = mesa.DataCollector(model_reporters=reporters)

    def _settle(self, kind) -> None:
        """Bring in the organizations and tie them to one another."""
        class_of = (lambda index: kind) if isinstance(kind, type) else kind
        self.organizations = [class_of(k)(self, k) for k in range(len(self.people.power))]
        self.partnerships = []
        for e, (i, j) in enumerate(zip(self.people.i, self.people.j, strict=True)):
            partnership = Partnership(self, e, self.organizations[i], self.organizations[j])
            self.partnerships.append(partnership)
            for side in partnership.sides:
                side.organization.partnerships.append(partnership)
                side.organization.n_active += partnership.is_active
        self.was_mutual = [False] * len(self.partnerships)
        self._divide_power()

    # --- what is in force -----------------------------------------------------------------------------------------

    def terms(self, is_inside: bool):
        """The parameters in force now, inside the design or outside it."""
        return self._segment.inside if is_inside else self._segment.outside

    @property
    def is_late(self) -> bool:
        """Whether this step belongs to the last quarter."""
        return self.now >= late_from(self.parameters.steps)

    def sector_peers(self, sector: int) -> np.ndarray:
        """Indices of the organizations of a sector."""
        return self._peers[self._first_peer[sector] : self._first_peer[sector + 1]]

    def _enter_segment(self, segment) -> None:
        self._segment, self._force = segment, segment.records()

    def _divide_power(self) -> None:
        for partnership in self.partnerships:
            first, second = partnership.sides
            share = rules.power_share(first.organization.log_power, second.organization.log_power, partnership.terms)
            first.share, second.share = share, 1.0 - share

    # --- a step ---------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One month."""
        for segment in self._segments:
            if segment.first == self.now:
                self._enter_segment(segment)
                self._divide_power()
        self.was_mutual = [partnership.is_mutual for partnership in self.partnerships]
        for organization in self.organizations:
            organization.renew()
        for partnership in self.partnerships:
            partnership.step()
        for organization in self.organizations:
            organization.reflect()
        if self.terms(False).imitation > 0.0:
            for organization in self.organizations:
                organization.compare()
            for organization in self.organizations:
                organization.move()
        self._record()
        self.now += 1
        self.running = self.now < self.parameters.steps

    # --- the record -----------------------------------------------------------------------------------------------

    def _record(self) -> None:
        """Sum the step up, in the same order as the compiled engine."""
        total = np.zeros(N_COLUMNS)
        out = np.zeros(state.CHUNK, state.OUTCOME)
        for organization, record in zip(self.organizations, self._organizations, strict=True):
            _copy(organization, record, _ORGANIZATION_FIELDS)
        for lo in range(0, max(len(self.partnerships), len(self.organizations)), state.CHUNK):
            row = np.zeros(N_COLUMNS)
            here = self.partnerships[lo : lo + state.CHUNK]
            for partnership, tie, record in zip(here, self._ties[lo:], out, strict=False):
                _copy(partnership, tie, _TIE_FIELDS)
                _copy_sides(partnership, tie)
                _copy(partnership, record, _OUTCOME_FIELDS)
                if partnership.kind == state.PLAYED:
                    _copy(partnership, record, _PLAY_FIELDS)
                    record["act_i"], record["act_j"] = (side.act for side in partnership.sides)
            tally_ties(lo, lo + len(here), self.with_ledger, self._ties, self._force, out, row)
            tally_organizations(lo, min(lo + state.CHUNK, len(self.organizations)), self._organizations, row)
            total += row
        self._sums.append(total)
        self._ended += [partnership.tenure for partnership in self.partnerships if partnership.ended]
        self.now_series = {name: float(column[0]) for name, column in self.series(self.now).items()}
        self.datacollector.collect(self)

    def trace(self) -> Trace:
        """The run so far, as the measures read it."""
        ended = np.bincount(np.array(self._ended, dtype=np.int64), minlength=len(self._sums) + 1)
        sums = np.array(self._sums).reshape(-1, N_COLUMNS)
        return Trace(sums, ended, self._ties, self._organizations, *self._references, np.zeros(0))

    def series(self, first: int = 0) -> dict[str, np.ndarray]:
        """Every series of the run so far, from step ``first`` on."""
        trace = self.trace()._replace(sums=np.array(self._sums[first:]))
        return measures.series(trace, len(self.organizations), self.parameters.game is not None, self.with_ledger)


def _latest(name: str):
    return lambda model: model.now_series[name]


# Fields of the records, and the attributes they are copied from.
_ORGANIZATION_FIELDS = {
    name: name
    for name in ("intention", "disposition", "scarcity", "wealth", "income", "late_income", "n_active", "n_mutual")
}
_TIE_FIELDS = {name: name for name in ("connection", "alignment", "tension", "tenure", "was_active")} | {
    "active": "is_active", "mutual": "is_mutual", "setback": "is_setback",
}  # fmt: skip
_OUTCOME_FIELDS = {"kind": "kind", "conflict": "conflict", "ended": "ended", "overhead": "overheads"}
_PLAY_FIELDS = {
    "scale": "scale", "spill": "spill", "credit": "credit",
    "alignment": "alignment_in_play", "tension": "tension_in_play",
}  # fmt: skip


def _copy(source, record, fields: dict[str, str]) -> None:
    for field, attribute in fields.items():
        record[field] = getattr(source, attribute)


def _copy_sides(partnership: Partnership, tie) -> None:
    for name, side in zip("ij", partnership.sides, strict=True):
        tie[f"trust_{name}"], tie[f"payoff_{name}"] = side.trust, side.payoff
        tie[f"hurt_{name}"], tie[f"read_{name}"] = side.is_hurt, side.last_read
        for act, count in enumerate(side.beliefs):
            tie[f"belief_{name}{act}"] = count


def run_mesa(scenario: Scenario, seed: int, *, kind=Organization, with_ledger: bool = True) -> Trace:
    """Run a scenario on the Mesa engine."""
    model = PartnershipModel(scenario, seed, kind=kind, with_ledger=with_ledger)
    while model.now < scenario.steps:
        model.step()
    return model.trace()

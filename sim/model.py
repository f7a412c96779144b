"""The Mesa engine: the story of a step, told by organizations and their partnerships.

1. Organizations may change leadership (``Organization.renew``).
2. Partnerships live through the step (``Partnership.step``): form, or connect, quarrel, play, learn, end.
3. Organizations reflect on it, and may imitate a partner.
4. The step is recorded by the same sums as the compiled engine's, so both give the same bits.

It exists to be read and changed; the compiled engine runs the same scenarios hundreds of times faster.
"""

from __future__ import annotations

import secrets

import mesa
import numpy as np

from sim import layout as at
from sim import measures, rules
from sim.chance import checked_seed
from sim.organization import Organization
from sim.parameters import Scenario
from sim.partnership import Partnership
from sim.population import build, sector_peers
from sim.schedule import segments
from sim.state import CHUNK, PLAYED, organizations_of
from sim.tally import N_COLUMNS, count_ties, reference_values, sum_ties, tally_organizations
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
        self._organizations = organizations_of(self.people)
        self._references = reference_values(self.people, self._force)
        self._sheet = at.desk().sheet
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
        sheet, places = self._sheet, np.arange(CHUNK, dtype=np.int32)
        for organization, record in zip(self.organizations, self._organizations, strict=True):
            for name in _KEPT:
                record[name] = getattr(organization, name)
        for lo in range(0, max(len(self.partnerships), len(self.organizations)), CHUNK):
            row = np.zeros(N_COLUMNS)
            here = self.partnerships[lo : lo + CHUNK]
            for place, partnership in enumerate(here):
                for field, number in _on_sheet(partnership):
                    sheet[int(field) + place] = number
            count_ties(np.uint64(0), np.uint64(len(here)), sheet, row)
            sum_ties(0, len(here), 0, places, True if self.with_ledger else None, self._force, sheet, row)
            tally_organizations(lo, min(lo + CHUNK, len(self.organizations)), self._organizations, row)
            total += row
        self._sums.append(total)
        self._ended += [partnership.tenure for partnership in self.partnerships if partnership.ended]
        self.now_series = {name: float(column[0]) for name, column in self.series(self.now).items()}
        self.datacollector.collect(self)

    def trace(self) -> Trace:
        """The run so far, as the measures read it."""
        ended = np.bincount(np.array(self._ended, dtype=np.int64), minlength=len(self._sums) + 1)
        sums = np.array(self._sums).reshape(-1, N_COLUMNS)
        return Trace(sums, ended, self._ties(), self._organizations, *self._references, np.zeros(0))

    def _ties(self) -> dict[str, np.ndarray]:
        """The state of every tie by field."""
        rows = [_fields(partnership) for partnership in self.partnerships]
        return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}

    def series(self, first: int = 0) -> dict[str, np.ndarray]:
        """Every series of the run so far, from step ``first`` on."""
        sums = np.array(self._sums[first:])
        trace = Trace(sums, np.zeros(0), {}, self._organizations, *self._references, np.zeros(0))
        return measures.series(trace, len(self.organizations), self.parameters.game is not None, self.with_ledger)


def _latest(name: str):
    return lambda model: model.now_series[name]


_KEPT = ("intention", "disposition", "scarcity", "wealth", "income", "late_income", "n_active", "n_mutual")


def _on_sheet(partnership: Partnership):
    """What the sums of a step are made of, as the compiled engine writes it on its sheet."""
    first, second = partnership.sides
    played = partnership.kind == PLAYED
    yield from (
        (at.S_ACTIVE, partnership.was_active), (at.S_PLAYED, played),
        (at.S_PAYOFF_I, first.payoff), (at.S_PAYOFF_J, second.payoff),
        (at.S_TRUST_I, first.trust), (at.S_TRUST_J, second.trust),
        (at.S_CONNECTION, partnership.connection), (at.S_ALIGNMENT, partnership.alignment),
        (at.S_TENSION, partnership.tension), (at.S_CONFLICT, partnership.conflict), (at.S_ENDED, partnership.ended),
        (at.S_MUTUAL, partnership.is_mutual), (at.S_SETBACK, partnership.is_setback),
        (at.S_SILO, partnership.silo), (at.S_SPILL, partnership.spill), (at.S_CREDIT, partnership.credit),
        (at.S_OVERLAP, partnership.overlap), (at.S_COMPLEMENTARITY, partnership.complementarity),
        (at.S_RESOURCE, partnership.resource), (at.S_OVERHEAD, partnership.overheads),
        (at.S_INSIDE, partnership.is_inside),
    )  # fmt: skip
    if played:
        yield from (
            (at.S_ACT_I, first.act), (at.S_ACT_J, second.act), (at.S_SCALE, partnership.scale),
            (at.S_PLAY_ALIGNMENT, partnership.alignment_in_play), (at.S_PLAY_TENSION, partnership.tension_in_play),
        )  # fmt: skip


def _fields(partnership: Partnership) -> dict:
    """One tie's state, by the names that the measures use."""
    fields = {
        "active": int(partnership.is_active), "mutual": int(partnership.is_mutual),
        "tenure": np.int32(partnership.tenure), "connection": partnership.connection,
        "alignment": partnership.alignment, "tension": partnership.tension,
    }  # fmt: skip
    for name, side in zip("ij", partnership.sides, strict=True):
        fields[f"payoff_{name}"] = side.payoff
        fields |= {f"belief_{name}{act}": count for act, count in enumerate(side.beliefs)}
    return fields


def run_mesa(scenario: Scenario, seed: int, *, kind=Organization, with_ledger: bool = True) -> Trace:
    """Run a scenario on the Mesa engine."""
    model = PartnershipModel(scenario, seed, kind=kind, with_ledger=with_ledger)
    while model.now < scenario.steps:
        model.step()
    return model.trace()

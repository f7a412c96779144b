"""The comparison in words a strategist understands: the question, a table, and what it says in sentences."""

from __future__ import annotations

import textwrap

import pandas as pd

from experiments import labels
from experiments.inference import FEWEST_TO_RESAMPLE
from experiments.study import Study
from experiments.wording import (
    NOTHING,
    amount,
    columns,
    in_short,
    left_out,
    of_pairs,
    quoted,
    shortened,
    with_interval,
)

WIDTH = 110
_ROOM = 8  # characters a table may be wider than text before a column is left out
_MANY_ROWS = 24  # above it, only the headline measure is printed
_MOST_ROWS = 48  # above it, only the highest and the lowest differences
_AT_EITHER_END = 8  # how many of these
_MOST_CLAUSES = 8  # per world; above it, only the highest and the lowest
_MOST_DESIGNS, _MOST_POINTS = 8, 12  # above them, only the headline measure is told row by row
_MANY_MEASURES = 8  # besides the headline; above it, losses and wins are left to comparison.csv
_STAKE = (
    "stake: what one organization brings to one partnership in one month; captured: share of the gain over staying "
    "apart that this world could give"
)


def table(comparison: pd.DataFrame, means: pd.DataFrame, study: Study) -> str:
    """The question of the study, means and differences row by row, who is better off, and what it amounts to.

    ``comparison`` and ``means`` are the tables of ``analysis``. About 110 characters wide, plain text, ends in a
    line break. Where there are many rows, it keeps to the headline measure and points to comparison.csv.
    """
    measures = labels.headline([m for m in study.measures if m in set(means["measure"])])
    contrast = contrast_shown(comparison)
    shown = comparison[comparison["contrast"] == contrast]
    blocks = [textwrap.wrap(study.question, WIDTH)]
    if measures:
        about = shown[shown["measure"] == measures[0]]
        is_long = (means["measure"] == measures[0]).sum() > _MANY_ROWS
        n_shown = range(1 if is_long else len(measures), 0, -1)
        tables = {n: _main_table(about, means, study, measures[:n]) for n in n_shown}
        n = next((n for n in tables if max(map(len, tables[n])) <= WIDTH + _ROOM), 1)
        there = set(means["measure"])
        blocks += [
            tables[n],
            _legend(about, means, study, measures[:n]) + _not_shown(about, study, measures[:n], there),
        ]
        blocks += _sentences(about, shown, means, study, measures)
    blocks.append(_better_off(shown, study))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def contrast_shown(comparison: pd.DataFrame) -> str:
    """The contrast to print: between designs if there are several, else factor points, else worlds."""
    there = set(comparison["contrast"]) if len(comparison) else set()
    return next((kind for kind in ("design", "factor", "world") if kind in there), "")


# The table -----------------------------------------------------------------------------------------------------------


def _main_table(about: pd.DataFrame, means: pd.DataFrame, study: Study, measures: list[str]) -> list[str]:
    mean_of = {(_key(row, study), row["measure"]): row for row in means.to_dict("records")}
    difference_of = {_key(row, study): row for row in about.to_dict("records")}
    keys = list(dict.fromkeys(key for key, _ in mean_of))
    shown = _ends(keys, difference_of) if len(keys) > _MOST_ROWS else keys
    more = measures[1:]
    against = dict.fromkeys(row["against"] for row in difference_of.values())
    rows = [_header(measures[0], more, list(against), study)]
    for key in shown:
        difference = difference_of.get(key)
        cells = [_mean(mean_of, key, measures[0]), *_difference(difference, measures[0])]
        if len(against) > 1:
            cells.append(shortened(str(difference["against"]), 24) if difference else "")
        rows.append([_row_name(key, study), *cells, *(_mean(mean_of, key, m) for m in more)])
    lines = _under_worlds(columns(rows), shown, study)
    if len(shown) < len(keys):
        hidden = len(keys) - len(shown)
        lines.append(f"{hidden} rows between the lowest and the highest are left out; comparison.csv has them all.")
    return lines


def _header(measure: str, more: list[str], against: list[str], study: Study) -> list[str]:
    difference = f"against {shortened(against[0], 20)}" if len(against) == 1 else "difference"
    named = ["design"] if len(study.designs) > 1 else []
    head = ["  " + ", ".join(named + list(study.factors)), measure, difference, "effect", "higher in"]
    return head + (["against"] if len(against) > 1 else []) + more


def _mean(mean_of: dict, key: tuple, measure: str) -> str:
    row = mean_of.get((key, measure))
    return with_interval(measure, row["mean"], row["low"], row["high"]) if row else NOTHING


def _difference(row: dict | None, measure: str) -> list[str]:
    if row is None:
        return ["", "", ""]
    effect = NOTHING if pd.isna(row["effect"]) else f"{row['effect']:+.1f}"
    return [with_interval(measure, row["difference"], row["low"], row["high"], sign=True), effect, of_pairs(row)]


def _ends(keys: list[tuple], difference_of: dict) -> list[tuple]:
    """The keys with the lowest and the highest differences, from the highest down."""
    known = [key for key in keys if key in difference_of and pd.notna(difference_of[key]["difference"])]
    known.sort(key=lambda key: -difference_of[key]["difference"])
    ends = set(known[:_AT_EITHER_END] + known[-_AT_EITHER_END:])
    return [key for key in known if key in ends] or keys[: 2 * _AT_EITHER_END]


def _under_worlds(lines: list[str], shown: list[tuple], study: Study) -> list[str]:
    """The lines of the table with a heading where the world changes (not where rows are ranked across worlds)."""
    head, body = lines[:2], lines[2:]
    if len(study.worlds) == 1 or (len(study.designs) == 1 and not study.factors):
        return lines
    result, world = head, None
    for line, key in zip(body, shown, strict=True):
        if key[0] != world:
            world = key[0]
            result = [*result, f"{world}:"]
        result = [*result, line]
    return result


def _key(row: dict, study: Study) -> tuple:
    return (row["world"], row["design"], *(row[name] for name in study.factors))


def _row_name(key: tuple, study: Study) -> str:
    world, design, *levels = key
    parts = ([design] if len(study.designs) > 1 else []) + [labels.level(value) for value in levels]
    return shortened("  " + (", ".join(parts) or world), 44 if levels else 30)


def _legend(about: pd.DataFrame, means: pd.DataFrame, study: Study, measures: list[str]) -> list[str]:
    """What the columns mean, and how many runs are missing from them."""
    n = f"{study.replicates} {_units(study.unit, study.replicates)}"
    text = "; ".join([f"[ ]: 95 % interval over {n}", *map(_meaning, measures)])
    if len(about):
        text += (
            "; differences are between runs that met the same luck; effect: the difference over the spread of runs "
            "(Hedges' g); higher in: pairs of runs in which the row has the higher value"
        )
        if about["n_dropped"].any():
            text += "; without: pairs in which a run has no value"
    lines = textwrap.wrap(f"{text}.", WIDTH)
    if any(m == "captured" or "stake" in labels.unit(m) for m in measures):
        lines += textwrap.wrap(f"{_STAKE}.", WIDTH)
    first = means[means["measure"] == measures[0]]
    fewest = int(min([first["n"].min(), *about["n_pairs"]]))
    if fewest < FEWEST_TO_RESAMPLE:
        lines.append(f"Too few runs for a trustworthy interval; n = {fewest}.")
    failed = int(first["n_failed"].sum())
    lines += [f"Runs that failed and are left out: {failed}."] if failed else []
    empty = {m: int(means.loc[means["measure"] == m, "n_nan"].sum()) for m in measures}
    return lines + [f"Runs without a {m} to measure, left out of it: {n}." for m, n in empty.items() if n]


def _meaning(measure: str) -> str:
    unit = f" ({labels.unit(measure)})" if labels.unit(measure) else ""
    words = labels.name(measure)
    return f"{measure}: {words}{unit}" if words != measure else f"{measure} in {labels.unit(measure) or 'its own unit'}"


# The sentences -------------------------------------------------------------------------------------------------------


def _sentences(about: pd.DataFrame, shown: pd.DataFrame, means: pd.DataFrame, study: Study, told: list[str]):
    """What the headline measure says, a block per world, with the other measures below; blocks of lines.

    From the highest difference to the lowest; only the ends where there is too much to say.
    """
    if about.empty:
        return
    measure, is_worlds = told[0], about["contrast"].iloc[0] == "world"
    several = len(set(about["against"])) > 1
    head = [] if several else [f'Against "{about["against"].iloc[0]}":']
    others = _told_below(about, study)
    is_open = False
    for world, rows in [("", about)] if is_worlds else about.groupby("world", sort=False):
        place = f'In "{world}": ' if len(study.worlds) > 1 and not is_worlds else ""
        best, is_pair_open = _best(rows, means, study, measure)
        text = place + "; ".join([*_parts(rows, study, measure, several), *best]) + "."
        yield head + textwrap.wrap(text[0].upper() + text[1:], WIDTH) + _others(rows, shown, study, others)
        head, is_open = [], is_open or is_pair_open
    if is_open:
        yield textwrap.wrap(
            "The two best designs of a world were each compared with a third one, not with one another: "
            'against = "..." in a design sets whom it is compared with.', WIDTH
        )  # fmt: skip


def _parts(rows: pd.DataFrame, study: Study, measure: str, several: bool) -> list[str]:
    """A clause per comparison, from the highest difference to the lowest; the two ends only of too many."""
    ranked = rows.sort_values("difference", ascending=False, kind="stable").to_dict("records")
    if len(ranked) <= (2 if rows["contrast"].iloc[0] == "factor" else _MOST_CLAUSES):
        return [_clause(row, study, measure, several) for row in ranked]
    known = [row for row in ranked if pd.notna(row["difference"])]
    ends = known[:1] + known[1:][-1:]
    return [*(_clause(row, study, measure, several) for row in ends), _count(rows)]


def _count(rows: pd.DataFrame) -> str:
    counts = rows["verdict"].value_counts()
    told = [f"{counts[v]} {v}" for v in ("higher", "lower", "same", "cannot say") if v in counts]
    return f"these are the highest and the lowest of {len(rows)} compared: {', '.join(told)}"


def _clause(row: dict, study: Study, measure: str, several: bool) -> str:
    """One comparison in words, such as ``full design lowers value by 0.21 [0.19, 0.23] stakes … (costs more …)``."""
    who = _who(row, study) + (f' (against "{row["against"]}")' if several else "")
    if row["verdict"] == "same":
        return f"{who} makes no difference to {labels.name(measure)}: all pairs of runs agree exactly" + left_out(row)
    if row["verdict"] == "cannot say":
        n = int(row["n_pairs"])
        seen = with_interval(measure, row["difference"], row["low"], row["high"], sign=True)
        seen = f" ({seen})" if n else ""
        return f"{who}: cannot say at {n} {_units(study.unit, n)}{seen}{left_out(row)}"
    verb = "raises" if row["verdict"] == "higher" else "lowers"
    size = amount(measure, row["difference"], row["low"], row["high"])
    return f"{who} {verb} {labels.name(measure)} by {size}{left_out(row)}{_moral(row, study, measure)}"


def _units(unit: str, n: int) -> str:
    """``replicates``, ``trajectories``, or one of them."""
    return unit if n == 1 else (f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s")


def _moral(row: dict, study: Study, measure: str) -> str:
    """Value is net of what a design costs, so against the reference design its sign says whether the design pays."""
    if measure != "value" or row["contrast"] != "design" or row["against"] != study.reference_design:
        return ""
    return " (returns more than it costs)" if row["verdict"] == "higher" else " (costs more than it returns)"


def _who(row: dict, study: Study) -> str:
    """The treatment: ``full design`` or ``full design, levers 0.8`` or ``world "zero-sum"``."""
    parts = [quoted(row["design"])] if len(study.designs) > 1 else []
    parts += [labels.point({name: row[name] for name in study.factors})] if study.factors else []
    if row["contrast"] == "world":
        parts = ([f"with {', '.join(parts)}"] if parts else []) + [f'world "{row["world"]}"']
    return ", ".join(parts)


def _best(rows: pd.DataFrame, means: pd.DataFrame, study: Study, measure: str) -> tuple[list[str], bool]:
    """The design with the highest mean in a world, and whether it and the second were compared only with a third.

    It is called best where the measure is value, and only as far as the comparisons bear that out.
    """
    if rows["contrast"].iloc[0] != "design" or study.factors:
        return [], False
    here = means[(means["measure"] == measure) & (means["world"] == rows["world"].iloc[0]) & means["mean"].notna()]
    ranked = list(here.sort_values("mean", ascending=False, kind="stable")["design"])
    if len(ranked) < 2:
        return [], False
    first, second = ranked[:2]
    row_of = {row["design"]: row for row in rows.to_dict("records")}
    is_sure = row_of[first]["verdict"] == "higher" if first in row_of else set(rows["verdict"]) == {"lower"}
    pair = row_of.get(first, {})
    against = ""
    if pair.get("against") == second and second != study.reference_design:
        against = f" (against {quoted(second)}: {in_short(pair).removeprefix(measure + ' ')})"
    is_open = study.reference_design not in (first, second) and not _are_compared(first, second, study)
    word = ("best" if measure == "value" else "highest") + (" on average" if is_open else "")
    return [f"{word}: {quoted(first)}{against}" + ("" if is_sure else ", but not surely")], is_open


def _are_compared(one: str, other: str, study: Study) -> bool:
    return study.against.get(one) == other or study.against.get(other) == one


# The other measures --------------------------------------------------------------------------------------------------


def _told_below(about: pd.DataFrame, study: Study) -> list[str]:
    """The measures besides the headline whose differences are told row by row: none where there are too many rows."""
    if len(study.designs) > _MOST_DESIGNS or len(study.points()) > _MOST_POINTS or len(about) > _MOST_ROWS:
        return []
    others = [m for m in study.measures if m not in set(about["measure"])]
    return others if len(others) <= _MANY_MEASURES else [m for m in others if not m.startswith(("loss_", "win_"))]


def _others(rows: pd.DataFrame, shown: pd.DataFrame, study: Study, others: list[str]) -> list[str]:
    """A line per comparison with what it does to the other measures, and to which of them it cannot be told."""
    columns_of = ["world", "design", "against", *study.factors]
    asked = shown[shown["measure"].isin(others)]
    by_key = {key: group.to_dict("records") for key, group in asked.groupby(columns_of, sort=False)}
    lines = []
    for row in rows.sort_values("difference", ascending=False, kind="stable").to_dict("records"):
        told = by_key.get(tuple(row[c] for c in columns_of), [])
        if told:
            text = f"- {_who(row, study)}, also: {_also(told)}."
            lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ")
    return lines


def _also(rows: list[dict]) -> str:
    """``gini +0.023 [0.002, 0.054]; cannot tell: recovery_steps (of 24 pairs, 9 without a value)``."""
    clear = [in_short(row) for row in rows if row["verdict"] in ("higher", "lower")]
    same = [row["measure"] + left_out(row) for row in rows if row["verdict"] == "same"]
    open_ = [row["measure"] + left_out(row) for row in rows if row["verdict"] == "cannot say"]
    same = [f"the same: {', '.join(same)}"] if same else []
    return "; ".join([*clear, *same, *([f"cannot tell: {', '.join(open_)}"] if open_ else [])])


def _not_shown(about: pd.DataFrame, study: Study, measures: list[str], there: set[str]) -> list[str]:
    """Which of the measures asked for the table leaves out, and where they are."""
    out = [m for m in study.measures if m in there and m not in measures]
    below = _told_below(about, study) if len(about) else []
    only = [m for m in study.measures if m in there and m not in {*below, *measures[:1]}] if len(about) else []
    lines = textwrap.wrap(f"Not in the table, but in means.csv: {', '.join(out)}.", WIDTH) if out else []
    if only:
        lines += textwrap.wrap(f"Compared in comparison.csv only: {', '.join(only)}.", WIDTH)
    return lines


# Who is better off ---------------------------------------------------------------------------------------------------


def _better_off(shown: pd.DataFrame, study: Study) -> list[str]:
    """Shares of organizations that earn more than their pair by power third and sector, in tables that fit."""
    rows = shown[shown["measure"].astype(str).str.startswith("better_off")]
    if rows.empty:
        return []
    of = {(_key(row, study), row["measure"]): row for row in rows.to_dict("records")}
    every_key, every_group = (list(dict.fromkeys(k[i] for k in of)) for i in (0, 1))
    keys = every_key[:_MANY_ROWS]
    lines = ["Who is better off: organizations that earn more than their pair in the runs compared with"]
    if rows["n_dropped"].any():
        lines += [f"(pairs without a value, left out: {int(rows['n_dropped'].max())} of them where most)"]
    while every_group:
        tables = {n: _shares_table(keys, every_group[:n], of, study) for n in range(len(every_group), 0, -1)}
        n = next((n for n in tables if len(tables[n][0]) <= WIDTH), 1)
        lines += _under_worlds(tables[n], keys, study)
        every_group = every_group[n:]
    return lines + ([] if len(keys) == len(every_key) else ["comparison.csv has the rest."])


def _shares_table(keys: list[tuple], groups: list[str], of: dict, study: Study) -> list[str]:
    return columns([["", *map(_group, groups)], *(_shares(key, groups, of, study) for key in keys)])


def _shares(key: tuple, groups: list[str], of: dict, study: Study) -> list[str]:
    return [_row_name(key, study), *(_share(of.get((key, group))) for group in groups)]


def _group(measure: str) -> str:
    group = measure.partition(": ")[2]
    return shortened(group.removeprefix("sector "), 16) or "all"


def _share(row: dict | None) -> str:
    """The share with its interval; the table holds the interval of its difference from one half."""
    if row is None:
        return NOTHING
    half = row["reference"]
    return with_interval(row["measure"], row["mean"], half + row["low"], half + row["high"])

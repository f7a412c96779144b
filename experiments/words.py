"""The comparison in words a strategist understands: the question, a table, and what it says in sentences."""

from __future__ import annotations

import textwrap

import pandas as pd

from experiments import labels
from experiments.better_off import THIRDS
from experiments.study import Study
from experiments.wording import (
    NOTHING,
    amount,
    columns,
    of_pairs,
    shortened,
    with_interval,
)

WIDTH = 110
_ROOM = 8  # characters a table may be wider than text before a column is left out
_MANY_ROWS = 24  # above it, only the headline measure is printed
_MOST_ROWS = 48  # above it, only the highest and the lowest differences
_AT_EITHER_END = 8  # how many of these
_MOST_SENTENCES = 6  # per world; above it, only the highest and the lowest


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
        blocks += [tables[n], _legend(about, means, study, measures[:n])]
        blocks += _sentences(about, study, measures[0])
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
    n = f"{study.replicates} replicate{'' if study.replicates == 1 else 's'}"
    text = "; ".join([f"[ ]: 95 % interval over {n}", *map(_meaning, measures)])
    if len(about):
        text += (
            "; differences are between runs that met the same luck; effect: the difference over the spread of runs "
            "(Hedges' g); higher in: pairs of runs in which the row has the higher value"
        )
    first = means[means["measure"] == measures[0]]
    failed, empty = int(first["n_failed"].sum()), int(first["n_nan"].sum())
    lines = textwrap.wrap(f"{text}.", WIDTH)
    lines += [f"Runs that failed and are left out: {failed}."] if failed else []
    return lines + ([f"Runs without a {measures[0]} to measure, left out of it: {empty}."] if empty else [])


def _meaning(measure: str) -> str:
    unit = f" ({labels.unit(measure)})" if labels.unit(measure) else ""
    words = labels.name(measure)
    return f"{measure}: {words}{unit}" if words != measure else f"{measure} in {labels.unit(measure) or 'its own unit'}"


# The sentences -------------------------------------------------------------------------------------------------------


def _sentences(about: pd.DataFrame, study: Study, measure: str) -> list[list[str]]:
    """What the headline measure says, a block per world; only the ends where there is too much to say."""
    blocks = []
    several = len(set(about["against"])) > 1
    for _, rows in about.groupby("world", sort=False):
        chosen = rows.to_dict("records")
        most = 2 if rows["contrast"].iloc[0] == "factor" else _MOST_SENTENCES
        told = chosen if len(chosen) <= most else _first_and_last(rows.dropna(subset="difference"))
        lines = [line for row in told for line in _wrapped(_sentence(row, study, measure, several))]
        blocks.append(lines + (_wrapped(_count(rows)) if len(told) < len(chosen) else []))
    if blocks and not several:
        blocks[0].insert(0, f"Against {about['against'].iloc[0]}:")
    return blocks


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap("- " + sentence, WIDTH, subsequent_indent="  ")


def _first_and_last(rows: pd.DataFrame) -> list[dict]:
    ranked = rows.sort_values("difference", ascending=False, kind="stable").to_dict("records")
    return [ranked[0], ranked[-1]] if len(ranked) > 1 else ranked


def _count(rows: pd.DataFrame) -> str:
    counts = rows["verdict"].value_counts()
    told = [f"{counts[v]} {v}" for v in ("higher", "lower", "same", "cannot say") if v in counts]
    return f"Between the highest and the lowest, of all {len(rows)} compared: {', '.join(told)}."


def _sentence(row: dict, study: Study, measure: str, several: bool) -> str:
    """One comparison in words, such as ``In zero-sum, full design lowers value by 0.21 [0.19, 0.23] stakes …``."""
    who = _who(row, study) + (f" (against {row['against']})" if several else "")
    if row["verdict"] == "same":
        return f"{who} makes no difference to {labels.name(measure)}: all pairs of runs agree exactly."
    if row["verdict"] == "cannot say":
        n = int(row["n_pairs"])
        seen = with_interval(measure, row["difference"], row["low"], row["high"], sign=True)
        return f"{who}: cannot say at {n} replicate{'' if n == 1 else 's'}" + (f" ({seen})." if n else ".")
    verb = "raises" if row["verdict"] == "higher" else "lowers"
    size = amount(measure, row["difference"], row["low"], row["high"])
    return f"{who} {verb} {labels.name(measure)} by {size}" + _moral(row, study, measure)


def _moral(row: dict, study: Study, measure: str) -> str:
    """Value is net of what a design costs, so against the reference design its sign says whether the design pays."""
    if measure != "value" or row["contrast"] != "design" or row["against"] != study.reference_design:
        return "."
    return ": it returns more than it costs." if row["verdict"] == "higher" else ": it costs more than it returns."


def _who(row: dict, study: Study) -> str:
    """The treatment: ``In zero-sum, full design`` or ``In zero-sum, levers 0.8`` or ``Full design``."""
    parts = [row["design"]] if len(study.designs) > 1 else []
    parts += [labels.point({name: row[name] for name in study.factors})] if study.factors else []
    if row["contrast"] == "world":
        parts = ([f"With {', '.join(parts)}"] if parts else []) + [f"world {row['world']}"]
    elif len(study.worlds) > 1:
        parts = [f"In {row['world']}", *parts]
    return ", ".join(parts)


# Who is better off ---------------------------------------------------------------------------------------------------


def _better_off(shown: pd.DataFrame, study: Study) -> list[str]:
    """Shares of organizations that earn more than their pair, by power third and, as far as they fit, by sector."""
    rows = shown[shown["measure"].astype(str).str.startswith("better_off")]
    if rows.empty:
        return []
    of = {(_key(row, study), row["measure"]): row for row in rows.to_dict("records")}
    every_key, every_group = (list(dict.fromkeys(k[i] for k in of)) for i in (0, 1))
    keys, n_always = every_key[:_MANY_ROWS], 1 + len(THIRDS)
    for n in range(len(every_group), n_always - 1, -1):
        groups = every_group[:n]
        lines = columns([["", *map(_group, groups)], *(_shares(key, groups, of, study) for key in keys)])
        if len(lines[0]) <= WIDTH:
            break
    is_all = len(groups) == len(every_group) and len(keys) == len(every_key)
    title = "Who is better off: organizations that earn more than their pair in the runs compared with"
    return [title, *_under_worlds(lines, keys, study), *([] if is_all else ["comparison.csv has the rest."])]


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

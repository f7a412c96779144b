"""The printed comparison: what a strategist reads must follow from the tables, and fit on a screen."""

import math

import pandas as pd
import pytest

from experiments import labels, wording, words
from experiments.study import Study


def a_study(worlds=("zero-sum",), designs=("usual", "full design"), factors=None, measures=("value", "mutual")):
    factors = factors or {}
    return Study(
        name="s", question="Does it pay?", replicates=24, seed=1, measures=measures, series=(), wants_better_off=False,
        worlds=worlds, designs=designs, against={design: designs[0] for design in designs[1:]}, factors=factors,
        reference_world=worlds[0], reference_design=designs[0], parameters={f: f for f in factors},
    )  # fmt: skip


def a_mean(world="zero-sum", design="usual", measure="value", mean=1.5, **more):
    row = {"world": world, "design": design, "measure": measure, "n": 24, "n_failed": 0, "n_nan": 0, "mean": mean}
    return row | {"sd": 0.1, "low": mean - 0.02, "high": mean + 0.02} | more


def a_difference(design="full design", difference=-0.21, low=-0.23, high=-0.19, verdict="lower", **more):
    row = {"contrast": "design", "world": "zero-sum", "design": design, "against": "usual", "measure": "value"}
    row |= {"n_pairs": 24, "n_dropped": 0, "mean": 1.3, "reference": 1.5, "difference": difference}
    row |= {"low": low, "high": high, "effect": -2.0, "effect_paired": -5.0, "better": 0.0, "verdict": verdict}
    return row | more


def told(differences, means=None, study=None):
    means = means or [a_mean(), a_mean(design="full design", mean=1.3)]
    return words.table(pd.DataFrame(differences), pd.DataFrame(means), study or a_study())


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "Full design lowers value by 0.21 [0.19, 0.23] stakes per tie and month (costs more than it returns);"),
        (
            {"difference": 0.5, "low": 0.4, "high": 0.6, "verdict": "higher"},
            "Full design raises value by 0.50 [0.40, 0.60] stakes per tie and month (returns more than it costs);",
        ),
        (
            {"low": -0.5, "high": 0.1, "verdict": "cannot say"},
            "Full design: cannot say at 24 replicates (-0.21 [-0.50, 0.10]);",
        ),
        (
            {"difference": 0.3, "low": math.nan, "high": math.nan, "verdict": "cannot say", "n_pairs": 1},
            "Full design: cannot say at 1 replicate (+0.30);",
        ),
        (
            {"difference": math.nan, "low": math.nan, "high": math.nan, "verdict": "cannot say", "n_pairs": 0},
            "Full design: cannot say at 0 replicates;",
        ),
        (
            {"difference": 0.0, "low": 0.0, "high": 0.0, "verdict": "same"},
            "Full design makes no difference to value: all pairs of runs agree exactly;",
        ),
    ],
)
def test_a_sentence_says_direction_size_interval_and_what_it_amounts_to(change, expected):
    text = flat(told([a_difference(**change)]))
    assert 'Against "usual": ' + expected in text


def test_the_world_is_named_where_there_is_more_than_one():
    means = [a_mean(world=w, design=d) for w in ("zero-sum", "positive-sum") for d in ("usual", "full design")]
    text = flat(told([a_difference()], means, a_study(worlds=("zero-sum", "positive-sum"))))
    assert 'In "zero-sum": full design lowers value by' in text


def test_only_a_difference_in_value_to_the_reference_design_is_said_to_pay_or_not():
    other = flat(told([a_difference(against="half")], study=a_study(designs=("usual", "half", "full design"))))
    assert "lowers value by 0.21" in other and "costs more" not in other
    study = a_study(measures=("mutual",))
    means = [a_mean(measure="mutual", mean=0.3), a_mean(measure="mutual", design="full design", mean=0.2)]
    share = flat(told([a_difference(measure="mutual")], means, study))
    assert "Full design lowers mutual co-creation by 21 [19, 23] percentage points; highest: usual." in share


def test_the_table_shows_question_means_difference_and_wins():
    text = told([a_difference()])
    assert text.startswith("Does it pay?\n")
    row = next(line for line in text.splitlines() if line.startswith("  full design"))
    assert flat(row) == "full design 1.30 [1.28, 1.32] -0.21 [-0.23, -0.19] -2.0 0 of 24"


def test_failed_and_empty_runs_are_told():
    text = told([a_difference()], [a_mean(n_failed=3, n=19, n_nan=2), a_mean(design="full design")])
    assert "Runs that failed and are left out: 3." in text
    assert "left out of it: 2." in text


def test_who_is_better_off_is_told_by_third_with_the_interval_of_the_share():
    groups = ("", ": weak third", ": middle third", ": strong third")
    rows = [
        a_difference(measure=f"better_off{g}", mean=m, reference=0.5, difference=m - 0.5, low=m - 0.51, high=m - 0.49)
        for g, m in zip(groups, (0.62, 0.98, 0.69, 0.18), strict=True)
    ]
    lines = told([a_difference(), *rows]).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("Who is better off"))
    assert lines[at + 1].split() == ["all", "weak", "third", "middle", "third", "strong", "third"]
    assert "62% [61, 63]  98% [97, 99]  69% [68, 70]  18% [17, 19]" in flat(lines[at + 3]).replace("] ", "]  ")


def test_many_rows_keep_to_the_headline_fit_the_screen_and_point_to_the_file():
    designs = tuple(f"a design with a long name, number {i}" for i in range(60))
    means = [a_mean(design=d, measure=m) for d in designs for m in ("value", "mutual")]
    differences = [a_difference(design=d, difference=-i / 100) for i, d in enumerate(designs[1:], 1)]
    lines = told(differences, means, a_study(designs=designs)).splitlines()
    assert len(lines) < 40 and max(map(len, lines)) <= words.WIDTH
    assert "comparison.csv" in " ".join(lines)
    assert [line for line in lines if "mutual" in line] == [
        "Not in the table, but in means.csv: mutual.", "Compared in comparison.csv only: mutual."
    ]  # fmt: skip
    assert any("-0.59" in line for line in lines) and any("-0.010" in line or "-0.01 " in line for line in lines)


def test_other_measures_are_told_where_their_sign_is_clear_and_named_where_it_is_not():
    measures = ("value", "mutual", "gini", "trust", "recovery_steps")
    gini = a_difference(measure="gini", difference=0.023, low=0.002, high=0.054, verdict="higher")
    trust = a_difference(measure="trust", difference=0, low=0, high=0, verdict="same")
    waits = a_difference(measure="recovery_steps", n_pairs=15, n_dropped=9, verdict="cannot say")
    text = flat(told([a_difference(), gini, trust, waits], study=a_study(measures=measures)))
    assert (
        "- full design, also: gini +0.02 [0.00, 0.05]; the same: trust; "
        "cannot tell: recovery_steps (of 24 pairs, 9 without a value)." in text
    )


def test_losses_and_wins_of_a_long_list_are_left_to_the_file_and_none_in_silence():
    losses = tuple(f"loss_{i}" for i in range(9))
    measures = ("value", "gini", *losses)
    rows = [a_difference(measure=m) for m in measures]
    means = [a_mean(design=d, measure=m) for d in ("usual", "full design") for m in measures]
    text = flat(told(rows, means, a_study(measures=measures)))
    assert f"Compared in comparison.csv only: {', '.join(losses)}." in text
    assert "also: gini -0.21" in text and "loss_0 -0.21" not in text


def test_pairs_without_a_value_are_told_in_the_table_and_in_the_sentence():
    text = told([a_difference(n_pairs=20, n_dropped=4)])
    assert "0 of 20 (4 without)" in text
    assert "by 0.21 [0.19, 0.23] stakes per tie and month (of 24 pairs, 4 without a value)" in flat(text)


def test_designs_come_from_best_to_worst_and_the_two_best_are_known_not_to_be_compared():
    designs = ("usual", "a", "b, with a comma")
    means = [a_mean(design=d, mean=m) for d, m in zip(designs, (1.0, 2.0, 3.0), strict=True)]
    rows = [a_difference(d, x, x - 0.1, x + 0.1, "higher") for d, x in zip(designs[1:], (1.0, 2.0), strict=True)]
    text = flat(told(rows, means, a_study(designs=designs)))
    assert text.index('"b, with a comma" raises') < text.index("a raises value")
    assert 'best on average: "b, with a comma".' in text and 'against = "..."' in text
    rows[1] |= {"against": "a"}
    study = a_study(designs=designs)
    study.against["b, with a comma"] = "a"
    text = flat(told(rows, means, study))
    assert 'best: "b, with a comma" (against a: +2.00 [1.90, 2.10]).' in text and "one another" not in text


def test_few_runs_are_told_and_stakes_explained():
    text = flat(told([a_difference(n_pairs=2)], [a_mean(n=2), a_mean(design="full design", n=2)]))
    assert "Too few runs for a trustworthy interval; n = 2." in text
    assert "stake: what one organization brings" in text
    assert "Too few runs" not in told([a_difference()])


def test_every_sector_is_printed_in_further_tables_that_fit():
    sectors = [f"sector number {i}" for i in range(12)]
    rows = [a_difference(measure=f"better_off: {s}", mean=0.6, reference=0.5) for s in sectors]
    text = told([a_difference(), *rows])
    assert all(f"number {i}" in text for i in range(12)) and max(map(len, text.splitlines())) <= words.WIDTH


@pytest.mark.parametrize("n_designs", [1, 5])
def test_a_usual_study_fits_the_screen(n_designs):
    worlds, designs = ("zero-sum, hopeful", "positive-sum, scarce"), ("business as usual", *"abcd")[:n_designs]
    measures = ("value", "mutual", "captured")
    means = [a_mean(world=w, design=d, measure=m, mean=0.5) for w in worlds for d in designs for m in measures]
    differences = [a_difference(world=w, design=d, against=designs[0]) for w in worlds for d in designs[1:]]
    columns = pd.DataFrame([a_difference()]).columns
    compared = pd.DataFrame(differences, columns=columns)
    text = words.table(compared, pd.DataFrame(means), a_study(worlds, designs, measures=measures))
    assert max(map(len, text.splitlines())) <= words.WIDTH + 8


@pytest.mark.parametrize(
    ("measure", "numbers", "sign", "expected"),
    [
        ("value", (1.534, 1.52, 1.55), False, "1.53 [1.52, 1.55]"),
        ("value", (-0.001, -0.03, 0.03), True, "0.00 [-0.03, 0.03]"),  # never -0.00
        ("value", (0.0123, 0.011, 0.013), True, "+0.012 [0.011, 0.013]"),  # a narrow interval shows its width
        ("mutual", (0.152, 0.14, 0.16), False, "15% [14, 16]"),
        ("mutual", (0.152, 0.102, 0.202), True, "+15 [10, 20]"),
        ("lifetime_median", (123.4, 100.0, 150.0), False, "123 [100, 150]"),
        ("value", (math.nan, math.nan, math.nan), False, "·"),
        ("value", (2.0, math.nan, math.nan), False, "2.00"),
    ],
)
def test_numbers_are_written_with_the_decimals_a_reader_can_use(measure, numbers, sign, expected):
    assert wording.with_interval(measure, *numbers, sign=sign) == expected


def test_every_measure_of_the_model_has_a_name_and_a_unit_and_none_is_named_that_does_not_exist():
    measures = pytest.importorskip("sim.measures").MEASURES
    known = {m.name for m in measures}
    assert all(labels.name(m.name) and labels.unit(m.name) == m.unit for m in measures)
    assert set(labels._NAMES) <= known
    assert len({labels.name(m.name) for m in measures}) == len(measures)

"""The transcription of the paper, checked by relations between its numbers, and its immutability."""

import dataclasses
import hashlib
import statistics
from collections import Counter
from decimal import Decimal

import pytest

from flutils import paper

# Every printed Avg. or Std. that is not the correctly rounded value, with that value's digits.
# Both are cut off where they should be rounded up.
LAST_DIGIT_SLIPS = {
    ("II", "F.L. / Adv.", "Std."): ("72.486", Decimal("72.4868")),
    ("IV", "cifar10 Adv.", "Avg."): ("2.948", Decimal("2.9485")),
}


# Taken when all 270 cells had been compared with the paper's text by a parser; the relations below cannot
# see a slip in every digit, so a change of any digit has to be made here as well.
DIGEST = "ad7784233b2f4000f8531ecc8e012658251f93e32575842ea28a7d47d8b17d4f"


def _summary_rows():
    for found_in, models in paper.TABLE_2.items():
        for model, row in models.items():
            yield "II", f"{found_in} / {model}", row
    for dataset, models in paper.TABLE_4.items():
        for model, row in models.items():
            yield "IV", f"{dataset} {model}", row


def _last_digit(value: Decimal) -> Decimal:
    return Decimal(1).scaleb(int(value.as_tuple().exponent))


def test_table_1_sums_to_100_01_percent_on_both_datasets():
    for dataset in paper.DATASETS:
        assert sum(paper.TABLE_1[dataset].values()) == Decimal("100.01")
        assert list(paper.TABLE_1[dataset]) == [*paper.CLASS_NAMES[dataset], paper.NOT_FOUND]


def test_table_1_has_the_extremes_that_section_iii_names():
    for dataset in paper.DATASETS:
        found = {name: value for name, value in paper.TABLE_1[dataset].items() if name != paper.NOT_FOUND}
        assert max(found, key=found.get) == paper.MOST_ROBUST_ADJACENT[dataset]
        assert min(found, key=found.get) == paper.MOST_VULNERABLE_ADJACENT[dataset]


def test_table_1_ranks_classes_as_table_4_does():
    # Table I counts the searches into a class, and R_i of Ori. weighs them by margin: only near ties differ.
    for dataset in paper.DATASETS:
        proportions = [paper.TABLE_1[dataset][name] for name in paper.CLASS_NAMES[dataset]]
        ratios = paper.TABLE_4[dataset][paper.ORI].values
        assert statistics.correlation(_ranks(proportions), _ranks(ratios)) > 0.9


def _ranks(values):
    return [sorted(values).index(value) for value in values]


def test_every_avg_and_std_is_the_rows_own_but_for_the_listed_last_digits():
    slips = {}
    for table, name, row in _summary_rows():
        summary = {
            paper.AVERAGE: (row.average, statistics.mean(row.values)),
            paper.DEVIATION: (row.deviation, statistics.stdev(row.values)),
        }  # ddof = 1
        for column, (printed, exact) in summary.items():
            assert abs(printed - exact) < _last_digit(printed), (table, name, column)
            if abs(printed - exact) > _last_digit(printed) / 2:
                slips[table, name, column] = (str(printed), round(exact, 4))
    assert slips == LAST_DIGIT_SLIPS


def test_no_std_fits_ddof_0():
    for table, name, row in _summary_rows():
        difference = abs(statistics.pstdev(row.values) - row.deviation)
        assert difference > 10 * _last_digit(row.deviation), (table, name)


def test_table_2_images_are_the_centers_of_the_model_they_were_found_in():
    # No other image of a class has a larger mean margin on the model that the set belongs to.
    for own, other in ((paper.ORI, paper.FL), (paper.FL, paper.ORI)):
        for best, rest in zip(paper.TABLE_2[own][own].values, paper.TABLE_2[other][own].values, strict=True):
            assert best >= rest


def test_table_2_holds_the_same_image_in_both_sets_for_classes_1_and_4_only():
    ori, fl = paper.TABLE_2[paper.ORI], paper.TABLE_2[paper.FL]
    same = [c for c in range(10) if all(ori[m].values[c] == fl[m].values[c] for m in paper.MODELS)]
    assert same == [1, 4]


def test_table_2_stays_within_255_and_needs_more_than_the_search_range():
    values = [value for models in paper.TABLE_2.values() for row in models.values() for value in row.values]
    assert max(values) == 255
    assert max(values) > paper.PROTOCOL["cifar10"]["search_range"].value


def test_table_3_deepfool_row_repeats_fgsm_on_cifar10_only():
    assert paper.TABLE_3["cifar10"]["DeepFool"] == paper.TABLE_3["cifar10"]["FGSM"]
    repeats = [
        (a, b)
        for dataset in paper.DATASETS
        for i, a in enumerate(paper.ATTACKS)
        for b in paper.ATTACKS[i + 1 :]
        if paper.TABLE_3[dataset][a] == paper.TABLE_3[dataset][b]
    ]
    assert repeats == [("FGSM", "DeepFool")]


def test_table_3_pgd_is_weaker_than_fgsm_for_adv():
    for dataset in paper.DATASETS:
        assert paper.TABLE_3[dataset]["PGD"][paper.ADV] > paper.TABLE_3[dataset]["FGSM"][paper.ADV]


def test_table_3_orders_models_as_section_v_b_says():
    for dataset in paper.DATASETS:
        for attack, row in paper.TABLE_3[dataset].items():
            assert row[paper.FL] > row[paper.ORI]
            best = max(row, key=row.get)
            assert best == (paper.FL if attack in ("Random", "Gaussian") else paper.ADV)


def test_table_3_has_one_cell_below_a_random_guess():
    below = [(c.dataset, c.row, c.column, c.printed) for c in paper.cells("III") if c.value < 10]
    assert below == [("cifar10", "CW-L2", "Ori.", "9.30")]


def test_table_4_levels_count_as_printed():
    assert Counter(paper.TABLE_4_LEVELS["mnist"]) == {"low": 6, "medium": 2, "high": 2}
    assert Counter(paper.TABLE_4_LEVELS["cifar10"]) == {"low": 5, "medium": 3, "high": 2}


def test_table_4_rows_can_average_to_1_under_some_weights():
    # The mean of R_i weighted by outgoing margins is 1 for any table, so 1 lies within every row.
    for models in paper.TABLE_4.values():
        for row in models.values():
            assert min(row.values) < 1 < max(row.values)


def test_r_is_ordered_as_the_text_says_and_within_its_bound():
    order = {
        "mnist": [paper.ADV, paper.REDUCED_FL, paper.ORI, paper.FL],
        "cifar10": [paper.ORI, paper.REDUCED_FL, paper.ADV, paper.FL],
    }
    for dataset in paper.DATASETS:
        levels = paper.ROBUSTNESS[dataset]
        assert sorted(levels, key=levels.get) == order[dataset]
        assert max(levels.values()) <= 90 * paper.PROTOCOL[dataset]["search_range"].value


def test_cells_come_in_printed_order_with_printed_digits():
    assert [len(list(paper.cells(table))) for table in paper.TABLES] == [22, 96, 48, 96, 8]
    assert list(paper.cells()) == [cell for table in paper.TABLES for cell in paper.cells(table)]
    keys = [(c.table, c.dataset, c.row, c.column) for c in paper.cells()]
    assert len(set(keys)) == len(keys) == 270
    found = dict(zip(keys, paper.cells(), strict=True))
    assert found["I", "cifar10", "Adjacent", "Bird"].printed == "44.61"
    assert found["II", "cifar10", "F.L. / Reduced F.L.", "9"].printed == "137.5"
    assert found["III", "mnist", "CW-L2", "Ori."].printed == "39.40"
    assert found["III", "mnist", "CW-L2", "Ori."].number == 39.4
    assert found["IV", "mnist", "Ori.", "Std."].printed == "2.73"
    assert found["IV", "mnist", "Adv.", "Std."].printed == "1.517"
    assert found["R", "cifar10", "R", "Adv."].printed == "3969.10"
    assert [(c.row, c.dataset) for c in paper.cells("III")][2:7] == [
        ("FGSM", "mnist"),
        ("FGSM", "cifar10"),
        ("FGSM", "cifar10"),
        ("FGSM", "cifar10"),
        ("CW-L2", "mnist"),
    ]
    assert {c.table: c.unit for c in paper.cells()} == {
        "I": "%",
        "II": "pixel value",
        "III": "%",
        "IV": "",
        "R": "pixel value",
    }


def test_no_printed_digit_has_changed():
    lines = (f"{c.table}|{c.dataset}|{c.row}|{c.column}|{c.printed}|{c.unit}" for c in paper.cells())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == DIGEST


def test_cells_of_an_unknown_table_raise_at_the_call():
    with pytest.raises(ValueError, match=r"must be one of I, II, III, IV, R.*got 'V'"):
        paper.cells("V")


def test_protocol_constants_fit_each_other():
    for dataset in paper.DATASETS:
        constants = paper.PROTOCOL[dataset]
        assert constants["search_range"].value * 2 == constants["pixel_max"].value
        assert constants["directions"].value <= constants["dimension"].value
        assert constants["samples_low"].value * 10 == constants["samples"].value
        assert constants["strength_min"].value < constants["strength_max"].value
    steps = [found["search_range"].value // found["step"].value for found in paper.PROTOCOL.values()]
    assert steps == [25, 63]
    assert str(paper.PROTOCOL["cifar10"]["step"].value) == "2.0"
    assert paper.PROTOCOL["mnist"]["strength_max"].number == 2.0
    # 2 high, 3 medium and 5 low classes make 1,090 samples; Reduced F.L. has 1,500.
    counts = Counter(paper.TABLE_4_LEVELS["cifar10"])
    constants = paper.PROTOCOL["cifar10"]
    samples = sum(count * constants[f"samples_{level}"].value for level, count in counts.items())
    assert samples * constants["directions_per_sample"].value == 43600


def test_claims_are_named_once_and_sourced():
    ids = [claim.id for claim in paper.CLAIMS]
    assert len(set(ids)) == len(ids) > 25
    sections = {"III", "IV-A", "IV-B", "V", "V-A", "V-B", "V-C", "V-D", "VI"}
    assert {claim.section for claim in paper.CLAIMS} == sections
    assert all(set(claim.datasets) <= {*paper.DATASETS, paper.BOTH} for claim in paper.CLAIMS)
    by_id = {claim.id: claim.text for claim in paper.CLAIMS}
    assert "3 (MNIST) and Bird (CIFAR-10)" in by_id["most-robust"]
    assert "0 (MNIST) and Horse (CIFAR-10)" in by_id["most-vulnerable"]
    assert all(claim.text.endswith(".") and claim.about for claim in paper.CLAIMS)


def _mappings(value):
    """Yield `value` and all below it that is no leaf."""
    if hasattr(value, "items"):
        yield value
        for below in value.values():
            yield from _mappings(below)


def test_nothing_can_be_changed():
    constants = [getattr(paper, name) for name in paper.__all__ if name.isupper() or "_" in name]
    tables = [mapping for constant in constants for mapping in _mappings(constant)]
    assert len(tables) == 38
    for mapping in tables:
        with pytest.raises(TypeError):
            mapping[next(iter(mapping))] = None
    assert not any(isinstance(constant, (list, dict, set)) for constant in constants)
    row, cell = paper.TABLE_4["mnist"]["Ori."], next(paper.cells("I"))
    for frozen, field in (
        (row, "average"),
        (cell, "value"),
        (paper.CLAIMS[0], "text"),
        (paper.PROTOCOL["mnist"]["step"], "value"),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(frozen, field, None)
    assert isinstance(row.values, tuple) and row.numbers[0] == 0.005

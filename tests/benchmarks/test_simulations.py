"""The statistics keep their promises on simulated grids: small, seeded versions of a benchmark."""

import json

import pytest

from xtransplant.benchmarks.perf import statistics


def test_intervals_by_items_hold_the_gain_and_others_do_not():
    found = statistics.coverage(120)
    # 95%, and three standard errors of 120 simulations.
    assert found["clustered_bca"] >= 0.89
    assert found["clustered_stderr"] >= 0.89
    assert found["unclustered_stderr"] < 0.8


def test_shares_mended_are_held_by_intervals_over_items_and_not_by_others():
    for share, held in statistics.of_sets(600).items():
        assert 0.93 <= held["by_items"] <= 0.97, share
        assert held["by_examples"] < 0.8, share


def test_a_judged_null_is_held_by_errors_over_both_its_items():
    found = statistics.judged_null(600)
    assert 0.93 <= found["by_items"] <= 0.97
    assert found["by_examples"] < 0.87


def test_p_keeps_its_level_in_several_languages_where_mcnemars_does_not():
    found = statistics.level(400)
    assert found["one_language"] == found["one_language_mcnemar"] <= 0.05 + 0.033
    assert found["six_languages"] <= 0.05 + 0.033
    assert found["six_languages_mcnemar"] > 0.15


def test_of_grids_without_an_effect_one_in_twenty_has_a_marked_cell():
    found = statistics.family_wise(150)
    assert found["family_wise"] <= 0.05 + 0.054
    assert found["each_cell_alone"] > 0.5


def test_effects_are_found_as_often_as_theory_says():
    for one in statistics.power(200).values():
        # The exact test is a little stricter than the normal approximation.
        assert one["found"] == pytest.approx(one["theory"], abs=0.13)


def test_the_best_of_equal_cells_only_looks_better():
    found = statistics.winners_curse(100)
    assert found["in_sample"] > 0.1
    assert abs(found["held_out"]) < 0.03
    assert found["coverage"] >= 0.95 - 3 * 0.022  # three standard errors of 100 simulations
    assert found["coverage_of_given_choices"] < found["coverage"]


def test_options_chosen_without_a_bias_are_seldom_taken_for_one():
    found = statistics.no_bias(100)
    assert found["by_items"] <= 0.05 + 3 * 0.022
    assert found["by_examples"] > 0.2
    assert found["distance"] == pytest.approx(found["by_chance"], abs=0.02)


def test_the_command_prints_all_of_it(capsys):
    statistics.main(["--simulations", "3"])
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "coverage", "of_sets", "judged_null", "level", "family_wise", "power", "winners_curse",
        "no_bias",
    }  # fmt: skip

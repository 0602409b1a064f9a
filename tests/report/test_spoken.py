"""In which languages texts are: the table against the records, and what is not known said."""

import json
import sys

import pytest
from made_runs import N, make_run, make_summary

from xtransplant import XTransplantError
from xtransplant.cli.app import run as xtp
from xtransplant.report import identify, spoken
from xtransplant.report.data import to_lm_eval
from xtransplant.report.formats import to_markdown
from xtransplant.report.spoken_maps import draw_spoken
from xtransplant.report.summary import TaskRun, summarise
from xtransplant.report.tables import make_tables
from xtransplant.runs import records
from xtransplant.runs.read import read_part

# What a text of the made-up runs is taken for: by the option that it names, 1 to 5.
SPOKEN = {"1": "sw", "2": "zh", "3": "en", "4": "fr", "5": ""}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "one")


@pytest.fixture
def told(run, monkeypatch):
    """The run with languages that are made up."""
    monkeypatch.setattr(spoken, "identifier", lambda: lambda text: SPOKEN[text[2]])
    monkeypatch.setattr(spoken, "language_code", str)
    return spoken.with_languages(summarise(run))


def kinds_of(rows, lang):
    """How often each kind of language is there, the long way."""
    found = dict.fromkeys(spoken.KINDS, 0)
    for text in rows[rows.lang == lang].output:
        own = SPOKEN[text[2]]
        ends = {lang: "target", "en": "source", "": "undetermined"}
        found[ends.get(own, "other")] += 1
    return found


def test_shares_are_those_of_the_records(run, told):
    lines = {
        one.of.key: one for one in spoken.lines_of([TaskRun(told, told.tasks["xnli"])], "match")
    }
    rows = records(run)
    best = (rows.strategy == "ffn-swap") & (rows.source_layer == 3) & (rows.target_layer == 1)
    for key, own in {
        "vanilla": rows[rows.strategy == "vanilla"],
        "source": rows[rows.strategy == "source"],
        "ffn-swap,best": rows[best],
    }.items():
        for lang in ("sw", "zh"):
            shares = {kind: one.value for kind, one in lines[key].languages[lang].items()}
            expected = {kind: n / N for kind, n in kinds_of(own, lang).items()}
            assert shares == pytest.approx(expected)
        assert sum(one.value for one in lines[key].all.values()) == pytest.approx(1)
        assert {one.n for one in lines[key].all.values()} == {2 * N}
    assert "ffn-swap,bound" not in lines


def test_tables_and_json_say_the_same_and_only_if_asked(run, told):
    text, found = to_markdown(make_tables([told])), json.loads(to_lm_eval([told]))["more"]
    (entries,) = (one["spoken"] for one in found.values())
    (vanilla,) = [one for one in entries if one["key"] == "vanilla"]
    low, high = vanilla["target_ci95"]
    assert low <= vanilla["target"] <= high
    shown = f"{100 * vanilla['target']:.1f} ({100 * low:.0f} to {100 * high:.0f})"
    assert f"| {shown} |" in text
    assert "language of what was generated" in text
    assert "language of what was generated" not in to_markdown(make_tables([summarise(run)]))
    assert '"spoken"' not in to_lm_eval([summarise(run)])


def test_a_null_grid_speaks_at_the_pairs_of_its_row(tmp_path, monkeypatch):
    run = make_run(tmp_path / "run", strategies=["ffn-swap"], nulls={"ffn-swap": "other"})
    # What a text names says its language; a null grid's texts name it.
    monkeypatch.setattr(spoken, "identifier", lambda: lambda t: "en" if "null" in t else "")
    monkeypatch.setattr(spoken, "language_code", str)
    summary = spoken.with_languages(summarise(run))
    own = [one for one in spoken.lines_of([TaskRun(summary, summary.tasks["xnli"])], "match")
           if one.of.key == "ffn-swap,best"]  # fmt: skip
    assert [(one.of.null, one.all["source"].value, one.all["source"].n) for one in own] == [
        ("", 0, 2 * N), ("other", 1, 2 * N)
    ]  # fmt: skip
    text = to_markdown(make_tables([summary]))
    assert "| null grid other | 0.0 | 0.0 |" in text.split("language of what was generated")[1]


def test_a_share_of_none_or_all_has_an_interval(run, told, monkeypatch):
    monkeypatch.setattr(spoken, "identifier", lambda: lambda text: "en")
    every = spoken.with_languages(summarise(run))
    (line, *_) = spoken.spoken_json([TaskRun(every, every.tasks["xnli"])], "match")
    assert (line["source"], line["target"]) == (1, 0)
    assert 0.5 < line["source_ci95"][0] < line["source_ci95"][1] == 1
    assert line["target_ci95"][0] == 0 < line["target_ci95"][1]


def test_a_map_shows_the_share_in_the_targets_language(told):
    (strategy, figure), *_ = draw_spoken(told, told.tasks["xnli"])
    assert strategy == "attn-swap"
    own = told.spoken["xnli"]["sw"].cells
    panel = next(axes for axes in figure.axes if axes.get_title().startswith("sw"))
    plain = own["vanilla"].right[:, 0, 0].mean()
    change = 100 * (own[strategy].right[:, own[strategy].pairs.index((2, 1)), 0].mean() - plain)
    assert panel.images[0].get_array()[2, 1] == pytest.approx(change)


def test_a_language_that_the_identifier_does_not_know_is_left_out_and_named(run, monkeypatch):
    monkeypatch.setattr(spoken, "identifier", lambda: lambda text: SPOKEN[text[2]])
    monkeypatch.setattr(spoken, "language_code", lambda lang: "" if lang == "zh" else lang)
    summary = spoken.with_languages(summarise(run))
    text = to_markdown(make_tables([summary]))
    assert "left out, as the identifier does not know them: zh" in text
    (line, *_) = spoken.lines_of([TaskRun(summary, summary.tasks["xnli"])], "match")
    assert line.all["target"].n == N


def test_without_texts_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(spoken, "identifier", lambda: None)
    monkeypatch.setattr(spoken, "language_code", str)
    scored = make_summary(tmp_path, mode="score")
    monkeypatch.setattr(spoken, "open_run", lambda path: None)
    with pytest.raises(XTransplantError, match=r"scored candidates.*--mode generate"):
        spoken.with_languages(scored)


def test_without_samples_it_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(spoken, "identifier", lambda: lambda text: "")
    monkeypatch.setattr(spoken, "language_code", str)
    run = make_run(tmp_path / "run", strategies=["ffn-swap"])
    for part in run.manifest.parts():
        table = read_part(run, "records", part).drop_columns(["output"])
        run.write("records", part, table)
    with pytest.raises(XTransplantError, match="--no-log-samples"):
        spoken.with_languages(summarise(run))


def test_without_the_package_one_line_names_what_installs_it(run, monkeypatch, capsys):
    identify._model.cache_clear()
    for name in ("py3langid", "py3langid.langid"):
        monkeypatch.setitem(sys.modules, name, None)
    assert xtp(["report", str(run.path), "--languages"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'xtransplant[langid]'" in said
    assert len(said.strip().splitlines()) == 1


SENTENCES = {
    "en": "I would like to know how many people live in this town today",
    "sw": "Ningependa kujua ni watu wangapi wanaishi katika mji huu leo",
    "am": "ዛሬ በዚህ ከተማ ውስጥ ስንት ሰዎች እንደሚኖሩ ማወቅ እፈልጋለሁ",
    "ar": "أود أن أعرف كم عدد الناس الذين يعيشون في هذه المدينة اليوم",
    "hi": "मैं जानना चाहता हूँ कि आज इस शहर में कितने लोग रहते हैं",
    "th": "ฉันอยากรู้ว่าวันนี้มีคนอาศัยอยู่ในเมืองนี้กี่คน",
    "ru": "Я хотел бы знать, сколько людей живёт сегодня в этом городе",
    "el": "Θα ήθελα να μάθω πόσοι άνθρωποι ζουν σήμερα σε αυτή την πόλη",
    "tr": "Bugün bu şehirde kaç kişinin yaşadığını bilmek istiyorum",
    "vi": "Tôi muốn biết hôm nay có bao nhiêu người sống ở thị trấn này",
    "zh": "我想知道今天有多少人住在这个城镇里",
    "ja": "今日この町に何人の人が住んでいるのか知りたいです",
}


def test_sentences_are_told_apart_and_numbers_and_names_are_not():
    pytest.importorskip("py3langid")
    tell = identify.identifier()
    assert {tell(text): lang for lang, text in SENTENCES.items()} == {
        lang: lang for lang in SENTENCES
    }
    assert [tell(text) for text in ("", " 72.", "(1)", "46。", "Nairobi", "Paris")] == [""] * 6


def test_codes_of_tasks_are_the_identifiers():
    pytest.importorskip("py3langid")
    codes = {"zh_tw": "zh", "zh-CN": "zh", "pt_br": "pt", "nb": "no", "yo": "yo", "xx": ""}
    assert {code: identify.language_code(code) for code in codes} == codes

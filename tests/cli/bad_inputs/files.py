"""Bad files: a user's examples, prompts, configurations, pairs, family tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bad_inputs.row import Row, row

BENCH = "bench -t file -s none -m LLAMA --file"
TRACE = "trace -s none -m LLAMA --target b --source"
GOOD = {"source": "hi", "target": "ho", "answer": "c", "candidates": ["c", "d"]}
HEAD = "source,target,answer,candidates,lang\n"


def jsonl(id: str, text: str | bytes, *words: str) -> Row:
    return row(f"{id}, JSON Lines", f"{BENCH} x.jsonl", "x.jsonl", *words, files={"x.jsonl": text})


def csv(id: str, text: str | bytes, *words: str) -> Row:
    return row(f"{id}, CSV", f"{BENCH} x.csv", "x.csv", *words, files={"x.csv": text})


def value(id: str, changes: Mapping[str, Any], *words: str) -> Row:
    return jsonl(id, json.dumps(GOOD | dict(changes)) + "\n", "row 1", *words)


def parquet(id: str, columns: Mapping[str, Sequence[Any]], *words: str, cut: bool = False) -> Row:
    return row(f"{id}, Parquet", f"{BENCH} x.parquet", "x.parquet", *words,
               make=_parquet(columns, cut))  # fmt: skip


def _parquet(columns: Mapping[str, Sequence[Any]], cut: bool) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        path = folder / "x.parquet"
        pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path)
        if cut:
            path.write_bytes(path.read_bytes()[:60])

    return make


ENCODINGS = [
    jsonl("empty", "", "holds no example", "one a row"),
    csv("empty", "", "holds no example", "one a row"),
    csv("only its header", HEAD, "holds no example"),
    row("empty, of a trace", "trace -s none -m LLAMA --task file --file x.jsonl",
        "holds no example", files={"x.jsonl": ""}),
    parquet("empty", {"source": [], "target": [], "answer": []}, "holds no example"),
    jsonl("UTF-16", json.dumps(GOOD).encode("utf-16"), "looks like UTF-16", "iconv -f UTF-16"),
    csv("UTF-16", (HEAD + "a,b,c,,\n").encode("utf-16"), "looks like UTF-16", "iconv -f UTF-16"),
    csv("UTF-16 without its mark", (HEAD + "a,b,c,,\n").encode("utf-16-le"), "UTF-16LE"),
    jsonl("UTF-32", json.dumps(GOOD).encode("utf-32"), "looks like UTF-32"),
    csv("Latin-1", (HEAD + "caf\xe9,b,c,,\n").encode("latin-1"), "line 2", "ISO-8859-1", "iconv"),
    jsonl("Latin-1", '{"source": "caf\xe9"}'.encode("latin-1"), "line 1", "iconv -f ISO-8859-1"),
    csv("Windows' quotes", (HEAD + "\x93a\x94,b,c,,\n").encode("latin-1"), "iconv -f CP1252"),
    csv("Cyrillic", (HEAD + "привет как дела у тебя сегодня всё хорошо,b,c,,\n").encode("cp1251"),
        "CP1251"),
    csv("gzip", b"\x1f\x8b\x08\x00\x00", "gzip", "gunzip"),
    csv("a spreadsheet", b"PK\x03\x04\x00\x00", "spreadsheet", "save it as UTF-8 CSV"),
    jsonl("zeros", bytes(40), "no text", "UTF-8"),
    parquet("cut", {"source": ["a"] * 9}, "as Parquet", "write it again", cut=True),
    row("a text called Parquet", f"{BENCH} x.parquet", "as Parquet", files={"x.parquet": "a,b\n"}),
    row("a file that is missing", f"{BENCH} no.csv", "--file 'no.csv' is no file", ".parquet"),
    row("a file of another kind", f"{BENCH} x.txt", "'x.txt'", ".jsonl", files={"x.txt": "a"}),
    row("a folder as a file", f"{BENCH} x.csv", "'x.csv' is no file",
        make=lambda folder: (folder / "x.csv").mkdir()),
]  # fmt: skip

TABLES = [
    csv("an unclosed quote", HEAD + 'a,b,c,,\n"d,e,f,,\ng,h,i,,\n', "line 3", "never closed"),
    csv("text after a quote", HEAD + '"a"b,"c",d,,\n', "line 2", "quotation mark", "double"),
    csv("too many fields", HEAD + "a, but,b,c,,\n", "line 2 has 6 fields", "quotation marks"),
    csv("a field without an end", HEAD + "a" * 140_000 + ",b,c,,\n", "line 2", "131,072"),
    csv("semicolons", "source;target;answer\na;b;c\n", "semicolons", "commas"),
    csv("tabs", "source\ttarget\tanswer\na\tb\tc\n", "tabs", "commas"),
    csv("two columns of a name", "source,source,target,answer\na,b,c,d\n", "two columns", "rename"),
    csv("a missing column", "prompt,target,answer\na,b,c\n", "'source'", "--column"),
    csv("a language of two lines", HEAD + 'a,b,c,c|d,"s\nw"\n', "'s\\nw'", "on one line"),
    csv("a language that turns", HEAD + "a,b,c,c|d,\u202esw\n", "\\u202esw", "turn"),
    csv("a candidate twice", HEAD + "a,b,c,c|c,\n", "row 1", "there twice"),
    csv("an empty candidate", HEAD + "a,b,c,c|,\n", "row 1", "candidate is empty"),
    csv("candidates cut", HEAD + "a,b,c,[1,\n", "row 1", "no JSON list"),
    jsonl("a number", "3\n", "row 1 should be an object"),
    jsonl("one list of all", json.dumps([GOOD]), "one object a line", "jq -c"),
    jsonl("one object over lines", json.dumps(GOOD, indent=1), "line 1", "one object a line"),
    jsonl("a comma too many", '{"source": "a",}\n', "line 1 is no JSON", "mend the line"),
    jsonl("cut in the middle", json.dumps(GOOD)[:30], "it ends in the middle"),
    jsonl("nested without an end", "[" * 100_000, "nested too deep"),
    jsonl("5,000 digits", '{"source": ' + "1" * 5000 + "}", "thousands of digits"),
    value("no answer", {"answer": None}, "has no answer"),
    value("an empty prompt", {"target": " "}, "has no target"),
    value("a prompt that is a list", {"source": ["a"]}, "source is ['a'], not text"),
    value("a prompt that is yes", {"source": True}, "True, not text"),
    value("an answer that is a fraction", {"answer": 0.1}, "0.1, not text", "quotation marks"),
    value("NUL", {"source": "a\0b"}, "source", "NUL"),
    value("half a surrogate pair", {"target": "\ud800"}, "target", "surrogate"),
    value("candidates that are a number", {"candidates": 3}, "not a list of texts"),
    value("candidates that are an object", {"candidates": {"c": 1}}, "not a list of texts"),
    value("a candidate that is none", {"candidates": ["c", None]}, "None, not text"),
    value("an answer that is no candidate", {"answer": "z"}, "'z'", "none of its candidates"),
    row("one candidate", f"{BENCH} x.jsonl", "has one candidate", "--mode generate",
        files={"x.jsonl": json.dumps(GOOD | {"candidates": ["c"]})}),
    value("a language that is a list", {"lang": ["sw"]}, "lang", "not text"),
    value("a language with NUL", {"lang": "s\0w"}, "NUL"),
    value("an id with half a pair", {"id": "\udc00"}, "id", "surrogate"),
    parquet("bytes", {"source": [b"\xff"], "target": ["b"], "answer": ["c"]}, "not text"),
]  # fmt: skip
PROMPTS = [
    row("a prompt in UTF-16", f"{TRACE} @p.txt", "--source", "p.txt", "looks like UTF-16",
        files={"p.txt": "hello".encode("utf-16")}),
    row("a prompt in UTF-16 without its mark", f"{TRACE} @p.txt", "UTF-16LE",
        files={"p.txt": "hello".encode("utf-16-le")}),
    row("a prompt in Latin-1", f"{TRACE} @p.txt", "'p.txt'", "iconv -f ISO-8859-1",
        files={"p.txt": b"caf\xe9"}),
    row("a prompt's file with NUL", f"{TRACE} @p.txt", "'@p.txt'", "NUL",
        files={"p.txt": "a lot of words, \0 and so on"}),
    row("a prompt's file that is missing", f"{TRACE} @no.txt", "'@no.txt'", "No such file"),
    row("a prompt's file that is a folder", f"{TRACE} @.", "--source", "directory"),
    row("a prompt's file that is empty", f"{TRACE} @p.txt", "--source is empty",
        files={"p.txt": "\ufeff\n"}),
    row("a prompt's path with NUL", ("trace", "-s", "none", "--source", "@a\0b", "--target", "b"),
        "a\\x00b", "null byte"),
    row("candidates' file that is empty", f"{TRACE} a --candidates @c.txt", "holds no answer",
        "one a line", files={"c.txt": "\n\n"}),
    row("candidates' file with one twice", f"{TRACE} a --candidates @c.txt", "'x' is there 2 times",
        files={"c.txt": "x\r\ny\r\nx\r\n"}),
]  # fmt: skip


def config(id: str, text: str | bytes, *words: str) -> Row:
    return row(f"{id}, YAML", "bench --config x.yaml", "x.yaml", *words, files={"x.yaml": text})


def pairs(id: str, text: str | bytes, *words: str) -> Row:
    return row(f"{id}, pairs", "bench -t babel -s attn-swap --langs sw --pairs @p.json", "p.json",
               *words, files={"p.json": text})  # fmt: skip


def family(id: str, text: str | bytes, *words: str) -> Row:
    return row(f"{id}, family", f"{TRACE} a --family f.json", "f.json", *words,
               files={"f.json": text})  # fmt: skip


SETTINGS = [
    row("a configuration that is none", "bench --config nope", "'nope'", "paper-culture"),
    row("a configuration that is missing", "bench --config no.yaml", "'no.yaml'", "no such file"),
    config("empty", "", "flags and values", "task: xnli"),
    config("no YAML", "a: [1", "is no YAML"),
    config("UTF-16", "task: babel".encode("utf-16"), "looks like UTF-16", "iconv"),
    config("a flag that is none", "tsk: babel", "no flag 'tsk'", "nearest: task"),
    config("a list of options", "S: [weight=1]", "should hold options", "{weight: 0.5}"),
    row("YAML that says no number", "bench --config x.yaml", "--limit", "integer",
        files={"x.yaml": "task: babel\nstrategy: none\nlimit: many"}),
    row("YAML that says where", "bench --config x.yaml", "--on 'cloud'", "ndif:URL",
        files={"x.yaml": "task: babel\nstrategy: none\non: cloud"}),
    pairs("cut", '{"sw": [1', "ends in the middle"),
    pairs("empty", "", "it is empty"),
    pairs("one number", '{"sw": [1]}', "[source layer, target layer]"),
    pairs("UTF-16", '{"sw": [1, 2]}'.encode("utf-16"), "looks like UTF-16"),
    pairs("nested without an end", "[" * 100_000, "nested too deep"),
    pairs("another language", '{"xx": [1, 2]}', "sw", "languages xx"),
    family("cut", '{"layers": ', "ends in the middle", "docs/families.md"),
    family("empty", "{}", "no 'attn'", "docs/families.md"),
    family("UTF-16", "{}".encode("utf-16"), "looks like UTF-16"),
]  # fmt: skip

ROWS = [*ENCODINGS, *TABLES, *PROMPTS, *SETTINGS]

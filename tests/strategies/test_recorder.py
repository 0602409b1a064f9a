"""A strategy run on paper: what is recorded, and what is refused."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtransplant import XTransplantError, apply
from xtransplant.errors import MissingSite
from xtransplant.strategies.places import LAST, Read, Span, parse_span
from xtransplant.strategies.recorder import record
from xtransplant.strategies.shape import Shape
from xtransplant.strategies.values import Value

SHAPE = Shape(n_layers=6, n_heads=4)


def recorded(function, i=1, j=2, **options):
    return [str(edit) for edit in record(function, SHAPE, i, j, options)]


def test_formula_reads_as_its_author_wrote_it():
    def strategy(source, target, i, j):
        target.ffn[j + 1] = 0.5 * source.ffn[i] + 0.5 * target.ffn[j + 1] - 2
        target.head(3)[j, -2:] = source.head(1)[i - 1, -2:]

    assert recorded(strategy) == [
        "target.ffn[j + 1] = 0.5 * source.ffn[i] + 0.5 * target.ffn[j + 1] - 2",
        "target.head(3)[j, -2:] = source.head(1)[i - 1, -2:]",
    ]


def test_reading_a_place_already_written_gives_what_was_written():
    def strategy(source, target, i, j):
        target.attn[j] = source.attn[i]
        target.attn[j] = 2 * target.attn[j]

    assert recorded(strategy) == ["target.attn[j] = 2 * source.attn[i]"]


def test_negative_layers_count_from_the_end():
    def strategy(source, target, i, j):
        target.attn[-1] = source.attn[-6]

    (edit,) = record(strategy, SHAPE, 0, 0, {})
    assert (edit.layer, edit.value.reads()[0].layer) == (5, 0)


@pytest.mark.parametrize(
    ("source_layer", "words"),
    [
        (lambda s, i: i + 2, r"source.attn\[i \+ 2\]: there is no layer 7"),
        # Computed from a pair, it is not the last layer, as a written -1 is.
        (lambda s, i: i - 6, r"source.attn\[i - 6\]: there is no layer -1"),
        (lambda s, i: s.n_layers - i + 1, r"source.attn\[n_layers - i \+ 1\]"),
        (lambda s, i: 7, "there is no layer 7"),
    ],
)
def test_a_layer_that_is_not_there_is_told_from_other_errors(source_layer, words):
    def strategy(source, target, i, j):
        target.attn[j] = source.attn[source_layer(source, i)]

    with pytest.raises(MissingSite, match=words):
        record(strategy, SHAPE, 5 if "n_layers" not in words else 1, 0, {})


def test_layers_say_how_they_were_written():
    def strategy(source, target, i, j):
        n = target.n_layers
        target.ffn[n - 1 - j] = source.ffn[(i + 1) // 2] + source.ffn[2 * i] + source.ffn[n // 2]
        target.attn[1 + j] = source.attn[3 - (i + 1)]

    first, second = record(strategy, SHAPE, 1, 2, {})
    assert [edit.layer for edit in (first, second)] == [3, 3]
    assert str(first) == (
        "target.ffn[n_layers - 1 - j] = "
        "source.ffn[(i + 1) // 2] + source.ffn[2 * i] + source.ffn[n_layers // 2]"
    )
    assert str(second) == "target.attn[1 + j] = source.attn[3 - (i + 1)]"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (lambda s, t, i, j: None, "records no edit"),
        (lambda s, t, i, j: operator.setitem(s.attn, i, 0), "source is only read"),
        (
            lambda s, t, i, j: operator.setitem(t.attn, 6, 0),
            "there is no layer 6",
        ),
        (lambda s, t, i, j: operator.setitem(t.attn, j, t.ffn[j]), "it is computed later"),
        (
            lambda s, t, i, j: operator.setitem(t.attn, j, s.head(0)[i]),
            "head is head_dim wide, attn d_model",
        ),
        (lambda s, t, i, j: operator.setitem(t.head(4), j, 0), "head 4 is out of range"),
        (lambda s, t, i, j: operator.setitem(t.head, j, 0), "an edit names its head"),
        (
            lambda s, t, i, j: operator.setitem(t.mlp, j, 0),
            "mlp is no site; the sites",
        ),
        (lambda s, t, i, j: operator.setitem(t.attn, j, "x"), "not str"),
        (lambda s, t, i, j: operator.setitem(t.attn, (j, slice(0, 4, 2)), 0), "takes no step"),
    ],
)
def test_what_cannot_be_is_refused(body, words):
    with pytest.raises(XTransplantError, match=words):
        record(body, SHAPE, 1, 2, {})


def test_parallel_blocks_have_no_resid_mid():
    shape = Shape(6, 4, ("attn", "ffn"))
    with pytest.raises(XTransplantError, match="sites are attn, ffn"):
        record(lambda s, t, i, j: operator.setitem(t.resid_mid, j, 0), shape, 0, 0, {})


NAMES = ("a", "b", "c")
READS = {name: Read("source", "attn", k, LAST) for k, name in enumerate(NAMES)}
FLOATS = st.floats(-4, 4, allow_nan=False)
EXPRESSIONS = st.recursive(
    st.sampled_from(NAMES) | FLOATS,
    lambda inner: (
        st.tuples(st.sampled_from(["+", "-"]), inner, inner)
        | st.tuples(st.just("*"), FLOATS, inner)
        | st.tuples(st.just("/"), inner, st.floats(0.5, 4))
    ),
    max_leaves=12,
)
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def evaluate(expression, leaves):
    if isinstance(expression, tuple):
        name, left, right = expression
        return OPERATORS[name](evaluate(left, leaves), evaluate(right, leaves))
    return leaves[expression] if isinstance(expression, str) else expression


@given(EXPRESSIONS, st.tuples(FLOATS, FLOATS, FLOATS))
def test_arithmetic_on_values_is_arithmetic(expression, numbers):
    symbolic = evaluate(expression, {n: Value(((1.0, READS[n]),)) for n in NAMES})
    expected = evaluate(expression, dict(zip(NAMES, numbers, strict=True)))
    if not isinstance(symbolic, Value):
        assert symbolic == expected
        return
    known = {READS[n]: number for n, number in zip(NAMES, numbers, strict=True)}
    found = symbolic.constant + sum(weight * known[term] for weight, term in symbolic.terms)
    assert found == pytest.approx(expected, abs=1e-6)


def test_products_of_values_become_functions():
    a, b = (Value(((1.0, READS[name]),)) for name in "ab")
    assert set((a * b).reads()) == set((a / b).reads()) == {READS["a"], READS["b"]}
    assert str(apply(abs, a)) == "abs(source.attn[0])"


def test_one_function_of_the_same_values_is_one_term():
    """Their == is refused to a strategy's author; what is recorded is told apart all the same."""
    a, b = (Value(((1.0, READS[name]),)) for name in "ab")
    assert str(apply(abs, a) + apply(abs, 1 * a)) == "2 * abs(source.attn[0])"
    assert len((apply(abs, a) + apply(abs, b) + apply(str, a)).terms) == 3
    with pytest.raises(XTransplantError, match="is compared"):
        assert a == b


@given(st.integers(1, 12), st.integers(-12, 11))
def test_a_span_of_one_token_is_that_token(length, index):
    one = parse_span(index)
    if -length <= index < length:
        assert list(one.resolve(length, "it")) == [index % length]
    else:
        with pytest.raises(XTransplantError):
            one.resolve(length, "it")


def test_an_empty_span_is_refused():
    with pytest.raises(XTransplantError, match="names no token"):
        Span(2, 2).resolve(5, "it")

"""What comes into a node by what it declares: the message names the input, what came, and the mend."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xlard.characters import is_whole, shown_value, whole_characters
from xlard.declared_inputs import LONGEST_LINE, LONGEST_TEXT, Declared

COUNT = Declared("rounds", "INT", 0, 64)
SEED = Declared("seed", "INT", 0, 2**64 - 1)
SHARE = Declared("strength", "FLOAT", 0.0, 1.0)
SWITCH = Declared("regions", "BOOLEAN")
LINE, TEXT = Declared("name", "STRING"), Declared("prompt", "STRING", lines=True)
CHOICE = Declared("scheduler", "COMBO", choices=("simple", "normal"))
IMAGE, MASK, LATENT = Declared("image", "IMAGE"), Declared("mask", "MASK"), Declared("latent", "LATENT")
CONDITIONING = Declared("positive", "CONDITIONING")


@pytest.mark.parametrize(
    ("declared", "came", "used"),
    [
        (COUNT, 4, 4),
        (COUNT, 4.0, 4),
        (COUNT, np.int64(4), 4),
        (COUNT, np.float32(4), 4),
        (SEED, 2**64 - 1, 2**64 - 1),
        (SHARE, 1, 1.0),
        (SHARE, 1.0000001, 1.0),
        (SHARE, -1e-9, 0.0),
        (SHARE, np.float64(0.5), 0.5),
        (SWITCH, True, True),
        (SWITCH, 0, False),
        (SWITCH, np.bool_(True), True),
        (LINE, "", ""),
        (TEXT, "\ud83d\ude00", "\U0001f600"),
        (CHOICE, "normal", "normal"),
        (CONDITIONING, [[torch.zeros(1, 2, 3), {}]], [[torch.zeros(1, 2, 3), {}]]),
        (Declared("flow", "XLARD_FLOW"), 3, 3),
    ],
)
def test_what_fits_is_used(declared, came, used) -> None:
    value = declared.checked(came)
    assert type(value) is type(used) and str(value) == str(used)


@pytest.mark.parametrize(
    ("declared", "came", "message"),
    [
        (COUNT, 65, "The rounds input takes a whole number from 0 to 64; 65 came. Connect a whole number"),
        (COUNT, 10**5000, "from 0 to 64; a whole number of 16610 bits came"),
        (COUNT, 1.5, "1.5 came"),
        (COUNT, math.nan, "nan came"),
        (COUNT, True, "True came"),
        (COUNT, "4", "'4' came"),
        (COUNT, torch.tensor(4), "a Tensor came"),
        (COUNT, [4], "a list came"),
        (COUNT, None, "nothing came"),
        (SEED, 2**64, "from 0 to 18446744073709551615; 18446744073709551616 came"),
        (SEED, -1, "-1 came"),
        (SHARE, 1.1, "The strength input takes a number from 0 to 1; 1.1 came."),
        (SHARE, math.inf, "inf came"),
        (SHARE, math.nan, "nan came"),
        (SHARE, 10**400, "bits came"),
        (Declared("any", "FLOAT"), 10**400, "bits came"),
        (SHARE, torch.tensor(0.5), "a Tensor came"),
        (COUNT, Fraction(10**400, 3), "a Fraction came"),
        (SHARE, Fraction(10**400, 3), "a Fraction came"),
        (Declared("any", "FLOAT"), np.longdouble("1e4000"), "a longdouble came"),
        (SWITCH, 2, "The regions input takes true or false; 2 came."),
        (SWITCH, "false", "'false' came"),
        (LINE, 3.7, "The name input takes a text; 3.7 came."),
        (LINE, "x" * (LONGEST_LINE + 1), f"at most {LONGEST_LINE} characters"),
        (TEXT, "x" * (LONGEST_TEXT + 1), f"({LONGEST_TEXT + 1} characters) came. Shorten the text."),
        (TEXT, "a \ud83d b", "half of a character"),
        (CHOICE, "C:\\x", "The scheduler input takes one of simple, normal; 'C:\\\\x' came. Choose one in the node."),
        (CHOICE, 3.7, "3.7 came"),
        (CHOICE, ["simple"], "a list came"),
        (CHOICE, "\udc80", "came. Choose"),
        (Declared("file", "COMBO"), "x", "takes a name from its list; 'x' came. The list is empty"),
        (Declared("many", "COMBO", choices=tuple("abcdefghijklmnop")), "x", "k, l and 4 more; 'x' came"),
        (IMAGE, torch.zeros(()), "a tensor of float32 with the shape () came"),
        (IMAGE, torch.zeros(1, 8, 8, 1), "one of the shape (1, 8, 8, 1) came. Convert it to RGB."),
        (IMAGE, torch.zeros(1, 8, 8, 3, dtype=torch.uint8), "a tensor of uint8"),
        (IMAGE, "x", "'x' came"),
        (IMAGE, torch.zeros(1, 8, 8, 3, device="meta"), "a tensor without values"),
        (IMAGE, torch.zeros(1, 8, 8, 3).to_sparse(), "a sparse tensor came"),
        (IMAGE, torch.nested.nested_tensor([torch.zeros(8, 8, 3)]), "a nested tensor came"),
        (IMAGE, torch.zeros(1, 8, 8, 3, dtype=torch.complex64), "a tensor of complex64"),
        (MASK, torch.zeros(8), "with the shape (8,) came"),
        (LATENT, torch.zeros(1, 4, 8, 8), "The latent input takes a latent; a Tensor came. Connect an empty latent"),
        (LATENT, {}, "a dict came"),
        (LATENT, {"samples": torch.zeros(())}, "with the shape () came"),
        (LATENT, {"samples": torch.zeros(1, 4, 8, 8), "noise_mask": "x"}, "noise mask"),
        (LATENT, {"samples": torch.zeros(1, 4, 8, 8, device="meta")}, "a tensor without values"),
        (CONDITIONING, [[torch.zeros(1, 2, 3).to_sparse(), {}]], "a list came"),
        (CONDITIONING, [torch.zeros(1)], "a list came. Connect CLIP Text Encode."),
        (CONDITIONING, {}, "a dict came"),
        (CONDITIONING, [[torch.tensor(1.0), {}]], "a list came"),
        (CONDITIONING, [[{}, {}]], "a list came"),
        (Declared("model", "MODEL"), "x", "takes a model; 'x' came. It has no clone() and no get_model_object()"),
        (Declared("clip", "CLIP"), None, "The clip input is empty: the checkpoint holds no text encoder."),
        (Declared("vae", "VAE"), 3, "takes a VAE; 3 came. It has no decode()"),
    ],
    ids=shown_value,
)
def test_what_does_not_fit_is_named(declared, came, message) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        declared.checked(came)
    assert message in str(raised.value) and declared.name in str(raised.value)
    str(raised.value).encode("utf-8")


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.characters(categories=["Cs"])
    | st.lists(st.integers(), max_size=2) | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([COUNT, SEED, SHARE, SWITCH, LINE, TEXT, CHOICE, IMAGE, MASK, LATENT, CONDITIONING]), ODD)
def test_any_value_is_used_or_refused_in_words_that_can_be_logged(declared, came) -> None:
    try:
        declared.checked(came)
    except (TypeError, ValueError) as error:
        assert declared.name in str(error)
        str(error).encode("utf-8")


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(categories=["Cs", "L"]), max_size=6))
def test_texts_become_whole(text: str) -> None:
    whole = whole_characters(text)
    assert is_whole(whole) and (whole == text or not is_whole(text))
    assert is_whole(shown_value(text))

"""Whatever fails while a loop runs, critic, decoder or model: what was judged and what should have been is not lost."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from tests.support.loop_fakes import FakeDecoder, FakeJudge, engine
from xlard.claims import count_claim
from xlard.critics.backend import CriticError
from xlard.detections import Detection
from xlard.loop import critic_failure
from xlard.loop.critic_failure import RoundError, failed_critique, register_cancelling
from xlard.loop.rounds import BatchRound, first_round
from xlard.loop.run import correct_all
from xlard.loop.settings import LoopSettings
from xlard.prompts import claims_from_prompt
from xlard.report.outcome import outcome
from xlard.report.page import report_page
from xlard.rewards import critique_from_detections

CAUSE = "The critic ran out of memory at a picture of 8 x 8 pixels."
"""An error's own words follow it without a full stop, which is added."""


class FailingJudge(FakeJudge):
    """Judges so many times, and then no more."""

    def __init__(self, times: int, error: BaseException | None = None):
        self.times, self.error = times, error or CriticError(CAUSE.rstrip("."))

    def judge(self, images, claims):
        if not self.times:
            raise self.error
        self.times -= 1
        return super().judge(images, claims)


def failed(
    times: int,
    script: list[int],
    pictures: int = 1,
    error: BaseException | None = None,
    kind: type[BaseException] = RoundError,
):
    """What a loop raises that draws pictures of so many circles, before a critic that judges so many times."""
    loop = engine(script, pictures)
    loop.judge = FailingJudge(times, error)
    with pytest.raises(kind) as raised:
        correct_all(loop, LoopSettings(4, ("correct",)))
    return raised.value


def test_the_first_pictures_are_kept_where_none_could_be_judged() -> None:
    error = failed(0, [2], pictures=2)
    assert str(error) == f"The first pictures could not be judged. {CAUSE}" and not error.judged
    assert error.latents.flatten().tolist() == [2, 2] and not any(state.ended for state in error.states)


def test_rounds_that_were_judged_are_kept_and_say_why_there_are_no_more() -> None:
    error = failed(2, [1, 2, 5])
    (state,) = error.states
    assert error.judged and [entry.latent.item() for entry in state.rounds] == [1, 2] and state.best is state.rounds[1]
    assert error.latents.item() == 5
    assert state.ended == f"What round 2 drew could not be judged. {CAUSE} The loop ended there."
    assert state.to_dict()["ended"] == state.ended and outcome(state) == (
        f"Better, not finished: 0 of 1 claims hold. {state.ended}",
        False,
    )
    assert state.ended in report_page([state], "Loop")


def test_a_picture_that_had_passed_did_not_end_early() -> None:
    loop = engine([2], 2)
    loop.judge = FailingJudge(0)
    done, open_ = loop.states
    for state, number in ((done, 3), (open_, 2)):
        critique = critique_from_detections(state.claims, [Detection(0, 0, 4, 4, "circle")] * number, 8)
        state.rounds.append(
            first_round("three circles", state.claims, 1, 0)
            .finished(torch.zeros(1, 1, 1, 1), torch.zeros(1, 8, 8, 3), [critique], 20, 1.0)[0]
            .first
        )
    ended = [state.ended for state in RoundError(CAUSE, 1, loop.states, torch.zeros(1)).states]
    assert ended[0] == "" and CAUSE in ended[1]


def graph_round(number: int) -> tuple[BatchRound, list]:
    """A round of a loop as a graph, with ``number`` judged rounds before it, and the claims."""
    claims = claims_from_prompt("three circles")
    batch = first_round("three circles", claims, 1, 0)
    critique = critique_from_detections(claims, [], 8)
    for _ in range(number):
        batch = batch.after(batch.finished(torch.zeros(1, 4, 8, 8), torch.zeros(1, 64, 64, 3), [critique], 20, 1.0))
    return batch, claims


@pytest.mark.parametrize("number", [0, 2])
def test_a_failure_in_a_critique_s_place_ends_a_loop_as_a_graph(number) -> None:
    batch, claims = graph_round(number)
    latents = torch.full((1, 4, 8, 8), 7.0)
    with pytest.raises(RoundError) as raised:
        batch.finished(latents, torch.zeros(1, 64, 64, 3), [failed_critique(claims, CAUSE)], 20, 1.0)
    assert (raised.value.latents == latents).all() and raised.value.judged == (number > 0)
    assert f"What round {number} drew" in str(raised.value) if number else "The first pictures" in str(raised.value)


def test_a_loop_that_goes_on_after_a_failure_is_not_said_to_have_ended() -> None:
    batch, claims = graph_round(1)
    with pytest.raises(RoundError) as raised:
        batch.finished(torch.zeros(1, 4, 8, 8), torch.zeros(1, 64, 64, 3), [failed_critique(claims, CAUSE)], 20, 1.0)
    following = batch.after(raised.value.states)
    (state,) = following.finished(
        torch.zeros(1, 4, 8, 8), torch.zeros(1, 64, 64, 3), [critique_from_detections(claims, [], 64)], 20, 1.0
    )
    assert raised.value.states[0].ended and state.ended == ""


@pytest.mark.parametrize(
    "error, cause",
    [
        (ValueError("a sum of\nsquares"), "The critic failed (ValueError: a sum of squares)."),
        (KeyError("label"), "The critic failed (KeyError: 'label')."),
        (IndexError(), "The critic failed (IndexError: it gives no reason)."),
        (RecursionError("too deep"), "The critic failed (RecursionError: too deep)."),
        (
            UnicodeEncodeError("utf-8", "\ud83d", 0, 1, "surrogates not allowed"),
            "The critic failed (UnicodeEncodeError",
        ),
        (torch.cuda.OutOfMemoryError("out of memory"), "The critic failed (OutOfMemoryError: out of memory)."),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_judge_raises_loses_nothing_that_was_drawn(error, cause) -> None:
    raised = failed(2, [1, 2, 5], error=error)
    assert cause in str(raised) and raised.judged and raised.latents.item() == 5
    assert raised.states[0].best.latent.item() == 2 and cause in raised.states[0].ended
    first = failed(0, [2], error=error)
    assert not first.judged and first.latents.item() == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()], ids=lambda e: type(e).__name__)
def test_what_ends_the_program_passes_through(error) -> None:
    assert failed(1, [1, 2], error=error, kind=type(error)) is error


class Cancelled(Exception):
    """By which an artist cancels, in some releases of ComfyUI an Exception like others."""


def test_what_cancels_passes_through(monkeypatch) -> None:
    monkeypatch.setattr(critic_failure, "_CANCELLING", [])
    register_cancelling(Cancelled)
    register_cancelling(Cancelled)
    error = Cancelled()
    assert failed(1, [1, 2], error=error, kind=Cancelled) is error


@pytest.mark.parametrize("critiques", [[], None], ids=["none", "nothing"])
def test_a_judge_that_gives_no_critique_has_failed(critiques) -> None:
    loop = engine([2])
    loop.judge = SimpleNamespace(judge=lambda images, claims: critiques)
    with pytest.raises(RoundError, match="The critic (gave 0 critiques of 1 pictures|failed .TypeError)") as raised:
        correct_all(loop, LoopSettings(4, ("correct",)))
    assert raised.value.latents.item() == 2


class FailingDecoder(FakeDecoder):
    """Decodes so many times as it should, then raises ``error``, or gives pictures full of ``value``."""

    def __init__(self, times: int, error: BaseException | None = None, value: float = 0.0):
        self.times, self.error, self.value = times, error, value

    def decode(self, latents):
        if self.times:
            self.times -= 1
            return super().decode(latents)
        if self.error:
            raise self.error
        return torch.full((len(latents), 8, 8, 3), self.value)


ERRORS = [
    torch.cuda.OutOfMemoryError("out of memory"),
    RuntimeError("a patch of\nanother pack \ud83d"),
    KeyError("x"),
    MemoryError(),
]


def ended_by(loop) -> RoundError:
    with pytest.raises(RoundError) as raised:
        correct_all(loop, LoopSettings(4, ("correct",)))
    return raised.value


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_decoder_that_fails_later_loses_nothing(error) -> None:
    loop = engine([1, 2, 5])
    loop.decoder = FailingDecoder(2, error)
    failure = ended_by(loop)
    assert failure.judged and failure.states[0].best.latent.item() == 2 and failure.latents.item() == 5
    assert "What round 2 drew could not be decoded" in str(failure) and type(error).__name__ in str(failure)
    failure.states[0].ended.encode()


def test_first_latents_that_cannot_be_decoded_are_kept() -> None:
    loop = engine([2])
    loop.decoder = FailingDecoder(0, ERRORS[0])
    failure = ended_by(loop)
    assert not failure.judged and failure.latents.item() == 2 and failure.__cause__ is ERRORS[0]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_model_that_fails_later_loses_nothing(error) -> None:
    loop = engine([1])
    resume = loop.sampler.resume

    def failing(*arguments, **options):
        if not loop.sampler.script:
            raise error
        return resume(*arguments, **options)

    loop.sampler.resume = failing
    failure = ended_by(loop)
    assert failure.judged and failure.states[0].best.latent.item() == 1 and failure.latents is None
    assert "Round 1 could not be drawn" in failure.states[0].ended


def test_a_model_that_fails_at_once_fails_as_it_would_alone() -> None:
    loop = engine([])
    with pytest.raises(IndexError):
        correct_all(loop, LoopSettings(4, ("correct",)))


@pytest.mark.parametrize("failing", ["resume", "decode"])
def test_what_cancels_while_drawing_passes_through(monkeypatch, failing) -> None:
    monkeypatch.setattr(critic_failure, "_CANCELLING", [Cancelled])
    loop, error = engine([1]), Cancelled()

    def cancelled(*arguments, **options):
        raise error

    if failing == "resume":
        loop.sampler.resume = cancelled
    else:
        loop.decoder = FailingDecoder(1, error)
        loop.sampler.script.append(2)
    with pytest.raises(Cancelled) as raised:
        correct_all(loop, LoopSettings(4, ("correct",)))
    assert raised.value is error


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0])
def test_what_is_no_picture_is_never_the_best(value) -> None:
    loop = engine([1, 1, 1])
    loop.decoder = FailingDecoder(1, value=value)
    loop.claims = [[count_claim("triangle", 0), count_claim("circle", 3)]]
    loop.states[0].claims = tuple(loop.claims[0])
    (state,) = correct_all(loop, LoopSettings(2, ("correct",)))
    assert [entry.accepted for entry in state.rounds] == [True, False, False]
    assert state.rounds[1].critique.abstained and "fp32" in state.rounds[1].critique.verdicts[0].reason


def test_a_first_picture_that_is_none_does_not_pass_and_is_replaced() -> None:
    loop = engine([1, 2], 2)
    loop.claims = [[count_claim("triangle", 0)]] * 2
    for state in loop.states:
        state.claims = tuple(loop.claims[0])
    decode = loop.decoder.decode

    def half_broken(latents):
        images = decode(latents).clone()
        if latents.flatten()[0] == 1:
            images[0] = math.nan
        return images

    loop.decoder.decode = half_broken
    broken, whole = correct_all(loop, LoopSettings(1, ("resample",)))
    assert not broken.first.critique.passed and broken.best is broken.rounds[1] and broken.passed
    assert whole.passed and len(whole.rounds) == 1


def test_first_pictures_that_are_none_end_the_loop_with_their_latents() -> None:
    loop = engine([1])
    loop.decoder = FailingDecoder(0, value=math.nan)
    failure = ended_by(loop)
    assert "The VAE gave a picture with NaN" in str(failure) and failure.latents.item() == 1
    loop = engine([1])
    loop.sampler.script = [math.nan]
    assert "The model gave a picture with NaN" in str(ended_by(loop))

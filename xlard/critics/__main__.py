"""A critic's judgement of picture files: ``python -m xlard.critics PICTURE --prompt "two cats" --folder MODEL``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..claims import Claim
from ..critique import Critique, Verdict
from ..prompts.claim_lines import parse_lines
from ..prompts.parser import claims_from_prompt
from ..protocols import Judge
from .backend import Backend, CriticError
from .critic_pair import CriticPair
from .detector.critic import DetectorCritic
from .detector.folder import DetectorFolder
from .detector.transformers import THRESHOLD, loaded_detector
from .folder import CriticFolder
from .mllm import MLLMCritic
from .recorded import RecordedBackend
from .scoring import SCORINGS, make_scoring
from .server.backend import ServerBackend
from .server.settings import ServerSettings
from .transformers import loaded_backend

_HOLDS = {True: "holds", False: "fails", None: "no verdict"}


def picture(file: Path) -> Tensor:
    """A picture file as (H, W, 3) in [0, 1]. Raises ValueError for a file that is none."""
    try:
        with Image.open(file) as image:
            turned = ImageOps.exif_transpose(image)
            if turned.mode.startswith("I"):
                # Pillow would cut 16 bits off at 8.
                turned = Image.fromarray((np.asarray(turned, dtype=np.float32) / 257).clip(0, 255).astype(np.uint8))
            pixels = np.asarray(turned.convert("RGB"), dtype=np.float32)
    except FileNotFoundError:
        raise ValueError(f"There is no picture {file}.") from None
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as a picture: {error}") from None
    return torch.from_numpy(pixels / 255)


def claims_of(options: argparse.Namespace) -> list[Claim]:
    """The claims of the prompt or of the file that the options name. Raises ValueError where there are none."""
    if options.claims is None:
        claims = claims_from_prompt(options.prompt)
    else:
        try:
            claims = parse_lines(options.claims.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise ValueError(f"{options.claims} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{options.claims} is no text in UTF-8.") from None
    if not claims:
        raise ValueError("There is nothing to check. Write claims with --claims, one a line: count: two red cups")
    return claims


@dataclass(frozen=True)
class Chosen:
    """The critic that a command line names, and where all that its language model writes is noted."""

    name: str
    judge: Judge
    recorded: RecordedBackend | None

    def judge_one(self, image: Tensor, claims: Sequence[Claim]) -> tuple[Critique, list[dict[str, Any]]]:
        """The critique of a picture (H, W, 3), and JSON-ready all that the model wrote for it. Raises CriticError."""
        if self.recorded:
            self.recorded.answers.clear()
        (critique,) = self.judge.judge(image[None], [claims])
        return critique, [
            {"question": question, "text": answer.text, "whole": not answer.fault, "fault": answer.fault}
            for question, answer in (self.recorded.answers if self.recorded else ())
        ]


def chosen(options: argparse.Namespace) -> Chosen:
    """The critic that the options name; a detector and a language model judge as a pair.

    Raises CriticError, FileNotFoundError, and ValueError for an address and where no critic is named.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    backend = _backend(options, device)
    recorded = None if backend is None else RecordedBackend(backend)
    language = None if recorded is None else MLLMCritic(recorded, make_scoring(options.scoring))
    if options.detector is None:
        if language is None or recorded is None:
            raise ValueError(
                "No critic is named. Give --server, --folder or --detector, or --detector and another one."
            )
        return Chosen(recorded.name, language, recorded)
    found = loaded_detector(DetectorFolder(options.detector), device, threshold=options.threshold)
    detector = DetectorCritic(found)
    if language is None or recorded is None:
        return Chosen(found.name, detector, None)
    return Chosen(f"{found.name} and {recorded.name}", CriticPair(detector, language), recorded)


def _backend(options: argparse.Namespace, device: str) -> Backend | None:
    if options.folder is not None:
        return loaded_backend(CriticFolder(options.folder), device, max_tokens=options.max_tokens)
    if options.server is None:
        return None
    return ServerBackend(
        ServerSettings(options.server, options.model, max_tokens=options.max_tokens, allow_remote=options.allow_remote)
    )


def text_of(file: Path, critique: Critique) -> str:
    """A critique in plain words, a line for each claim."""
    score = "no verdict" if critique.score is None else f"score {critique.score:.2f}"
    held = sum(bool(verdict.passed) for verdict in critique.verdicts)
    lines = [f"{file}: {held} of {len(critique.verdicts)} claims hold, {score}"]
    return "\n".join(lines + [_line(verdict) for verdict in critique.verdicts])


def _line(verdict: Verdict) -> str:
    reason = f": {verdict.reason}" if verdict.reason else ""
    return f"  {_HOLDS[verdict.passed]:<10}  {verdict.claim.text}{reason}"


def parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    made = argparse.ArgumentParser(prog="python -m xlard.critics", description="Has a critic judge picture files.")
    made.add_argument(
        "pictures",
        nargs="+",
        type=Path,
        metavar="PICTURE",
        help="picture files; transparency is left out as by LoadImage, so that clear parts are black as a rule",
    )
    what = made.add_mutually_exclusive_group(required=True)
    what.add_argument("--prompt", help="what the pictures should show")
    what.add_argument("--claims", type=Path, metavar="FILE", help="claims, one a line, UTF-8: count: two red cups")
    who = made.add_mutually_exclusive_group()
    who.add_argument("--server", metavar="URL", help="an OpenAI-compatible server: http://127.0.0.1:8080/v1")
    who.add_argument("--folder", type=Path, metavar="DIR", help="a folder of an image-text-to-text model")
    made.add_argument(
        "--detector", type=Path, metavar="DIR", help="a folder of an object detector, alone or beside these"
    )
    made.add_argument("--threshold", type=float, default=THRESHOLD, help="score from which the detector's box counts")
    made.add_argument("--model", default="", metavar="NAME", help="the server's model; the first one without")
    made.add_argument("--allow-remote", action="store_true", help="also a server that is not on this machine")
    made.add_argument("--scoring", choices=tuple(SCORINGS), default=next(iter(SCORINGS)), help="how it is asked")
    made.add_argument("--max-tokens", type=int, default=1024, help="longest answer, in tokens")
    made.add_argument("--json", action="store_true", help="one JSON object a picture, with all that the model wrote")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the pictures of a command line and print the critiques.

    Exits with 2 where one cannot be read or has no verdict, after the others.
    """
    command = parser()
    options = command.parse_args(arguments)
    if options.server is None and (options.model or options.allow_remote):
        command.error("--model and --allow-remote belong to --server")
    if options.max_tokens < 1:
        command.error("--max-tokens must be at least 1")
    unread = 0
    try:
        claims, critic = claims_of(options), chosen(options)
        for file in options.pictures:
            try:
                critique, answers = critic.judge_one(picture(file), claims)
            except ValueError as error:
                unread += 1
                named = str(error) if str(file) in str(error) else f"{file} cannot be judged: {error}"
                print(f"{command.prog}: {named}", file=sys.stderr, flush=True)
                continue
            unread += critique.abstained
            # JSON in ASCII, and text without marks: the console's encoding may know no other letters.
            values = {"picture": str(file), "critic": critic.name, **critique.to_dict(), "answers": answers}
            print(json.dumps(values) if options.json else text_of(file, critique), flush=True)
    except (CriticError, FileNotFoundError, ValueError) as error:
        command.exit(2, f"{command.prog}: {error}\n")
    if unread:
        command.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The node of a critic on a server."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..xlard.critics.boxes import CONVENTIONS
from ..xlard.critics.mllm import MLLMCritic
from ..xlard.critics.server import AUTO, URL, ServerBackend, ServerSettings
from . import inputs, sockets
from .comfy.critic.folder import check_interrupt, show_progress

_DEFAULT = ServerSettings()


class XLARDCriticServer(io.ComfyNode):
    """A vision-language model on an OpenAI-compatible server as critic."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDCriticServer",
            display_name="xLARD Critic Server",
            category="xLARD/critic",
            **inputs.search_aliases("judge", "ollama", "llama.cpp", "lm studio", "vllm"),
            description=(
                "A vision-language model on a server that speaks OpenAI's protocol: llama.cpp, Ollama, LM Studio, "
                "vLLM. Pictures stay on this machine unless you allow another. A key, where the server wants one, "
                "is read from the environment variable XLARD_API_KEY."
            ),
            inputs=[
                io.String.Input(
                    "url",
                    default=URL,
                    tooltip=(
                        "The server's address: llama.cpp http://127.0.0.1:8080/v1, Ollama "
                        "http://127.0.0.1:11434/v1, LM Studio http://127.0.0.1:1234/v1, vLLM "
                        "http://127.0.0.1:8000/v1."
                    ),
                ),
                io.String.Input(
                    "model",
                    default="",
                    optional=True,
                    tooltip="The model's name on the server. Empty takes the first that the server lists.",
                ),
                io.Combo.Input(
                    "boxes",
                    options=[AUTO, *CONVENTIONS],
                    default=AUTO,
                    optional=True,
                    tooltip=(
                        "How the model writes boxes: in thousandths of the sides, in pixels, in fractions, "
                        "or in thousandths with y before x. auto goes by the model's name."
                    ),
                ),
                io.Int.Input(
                    "timeout",
                    default=int(_DEFAULT.timeout),
                    min=1,
                    max=3600,
                    optional=True,
                    tooltip="Seconds that one answer may take.",
                ),
                io.Int.Input(
                    "retries",
                    default=_DEFAULT.retries,
                    min=0,
                    max=10,
                    optional=True,
                    tooltip="How often a question is repeated after a broken connection, or when the server is busy.",
                ),
                io.Int.Input(
                    "parallel",
                    default=_DEFAULT.parallel,
                    min=1,
                    max=64,
                    optional=True,
                    tooltip=(
                        "Questions that run at once. vLLM answers several together; llama.cpp needs as many slots."
                    ),
                ),
                io.Int.Input(
                    "max_tokens",
                    default=_DEFAULT.max_tokens,
                    min=16,
                    max=32768,
                    optional=True,
                    tooltip="Longest answer, in tokens. A thinking model needs several thousand.",
                ),
                io.Boolean.Input(
                    "allow_remote",
                    default=_DEFAULT.allow_remote,
                    optional=True,
                    tooltip=(
                        "Lets pictures be sent to a server that is not on this machine. A key is sent "
                        "there only if the environment variable XLARD_API_HOST names the server's host."
                    ),
                ),
                io.Int.Input(
                    "keep_alive",
                    default=_DEFAULT.keep_alive,
                    min=-1,
                    max=86400,
                    optional=True,
                    tooltip=(
                        "For how many seconds an Ollama on this machine keeps its model in memory after a judgement. "
                        "0: it gives its VRAM back to the sampler at once. -1: it keeps it. Other servers ignore this."
                    ),
                ),
            ],
            outputs=sockets.named(
                sockets.Critic.Output(
                    "critic", tooltip=("The critic. The server gets its first question when the critic first judges.")
                )
            ),
        )

    @classmethod
    def execute(cls, url: str, model: str = "", **settings: Any) -> io.NodeOutput:
        backend = ServerBackend(ServerSettings(url, model.strip(), **settings), check_interrupt, show_progress)
        return io.NodeOutput(MLLMCritic(backend))

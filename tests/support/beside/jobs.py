"""Jobs for a ComfyUI with other packs, and what a client hears while they run."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import aiohttp

from xlard.comfy_server.server import ComfyServer

THEIRS = {
    "rgthree-comfy": (
        "Seed (rgthree)",
        "KSampler Config (rgthree)",
        "SDXL Empty Latent Image (rgthree)",
        "Image Inset Crop (rgthree)",
        "Image Comparer (rgthree)",
    ),
    "ComfyUI-Impact-Pack": (
        "ImpactGaussianBlurMask",
        "ImpactDilateMask",
        "ImpactImageInfo",
        "ImpactLatentInfo",
        "MaskToSEGS",
        "ImpactWildcardProcessor",
    ),
    "ComfyUI-KJNodes": (
        "CreateGradientMask",
        "GetImageSizeAndCount",
        "ColorMatch",
        "RemapImageRange",
        "ResizeMask",
        "CustomSigmas",
    ),
    "ComfyUI-Easy-Use": (
        "easy seed",
        "easy positive",
        "easy mathInt",
        "easy simpleMath",
        "easy imageRatio",
        "easy imageScaleDownBy",
    ),
}
"""Nodes of other packs that need neither a model's file nor a network. All of QwenVL's need one."""

SOCKETS = {
    "IMAGE": ("EmptyImage", {"width": 64, "height": 64, "batch_size": 1, "color": 0x336699}),
    "MASK": ("SolidMask", {"value": 0.5, "width": 64, "height": 64}),
    "LATENT": ("EmptyLatentImage", {"width": 64, "height": 64, "batch_size": 1}),
}
"""What gives a value of a type."""


def of_defaults(kind: str, info: dict) -> dict:
    """A job of one node of a class type, all of whose inputs have their defaults; its first output is shown."""
    job: dict[str, dict] = {"node": {"class_type": kind, "inputs": {}}}
    for name, (wanted, *options) in info["input"].get("required", {}).items():
        given = options[0] if options else {}
        if isinstance(wanted, str) and wanted in SOCKETS:
            source, inputs = SOCKETS[wanted]
            job[wanted] = {"class_type": source, "inputs": inputs}
            job["node"]["inputs"][name] = [wanted, 0]
        else:
            choices = wanted if isinstance(wanted, list) else given.get("options", [""])
            job["node"]["inputs"][name] = given.get("default", choices[0])
    if not info["output_node"]:
        job["shown"] = {"class_type": "PreviewAny", "inputs": {"source": ["node", 0]}}
    return job


def sampled(seed: int = 1, steps: int = 8) -> dict:
    """A job of ComfyUI's own nodes: KSampler with a narrow model."""
    drawn = {
        "model": ["model", 0],
        "positive": ["model", 1],
        "negative": ["model", 1],
        "latent_image": ["LATENT", 0],
        "seed": seed,
        "steps": steps,
        "cfg": 2.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    source, inputs = SOCKETS["LATENT"]
    return {
        "model": {"class_type": "TinyModel", "inputs": {}},
        "LATENT": {"class_type": source, "inputs": inputs},
        "drawn": {"class_type": "KSampler", "inputs": drawn},
        "kept": {"class_type": "SaveLatent", "inputs": {"samples": ["drawn", 0], "filename_prefix": "drawn"}},
    }


_HEARD = ("execution_cached", "executing", "progress", "executed", "execution_success", "execution_error")


def heard(server: ComfyServer, job: dict) -> list[tuple[Any, ...]]:
    """What a client hears of a job in its order: events, and pictures by their hash."""
    return asyncio.run(_heard(server, job))


async def _heard(server: ComfyServer, job: dict) -> list[tuple[Any, ...]]:
    client = "listener"
    events: list[tuple[Any, ...]] = []
    address = f"{server.url.replace('http', 'ws', 1)}/ws?clientId={client}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        await asyncio.to_thread(server.submit, job, client)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                events.append(("picture", hashlib.sha256(message.data).hexdigest()))
                continue
            event = json.loads(message.data)
            if event["type"] not in _HEARD:
                continue
            data = event["data"]
            events.append((event["type"], data.get("node"), data.get("value"), data.get("max")))
            if event["type"] in ("execution_success", "execution_error"):
                break
    return events

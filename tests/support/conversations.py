"""How tiny models of well-known families read a conversation: chat templates and tokenizers."""

from __future__ import annotations

from functools import cache

from xlard.critics import questions
from xlard.quickstart.comfyui import find_comfyui


def turns(
    opening: str,
    picture: str,
    ending: str,
    answer: str,
    before: str = "",
    role: str = "message['role']",
    separator: str = "",
) -> str:
    """A chat template: ``before`` once, then each turn, then the beginning of the answer; ``role`` is a jinja
    expression.
    """
    return (
        before
        + "{% for message in messages %}"
        + opening
        + "{{ "
        + role
        + " }}"
        + separator
        + "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
        + picture
        + "{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
        + ending
        + "{% endfor %}{% if add_generation_prompt %}"
        + answer
        + "{% endif %}"
    )


def chatml(picture: str) -> str:
    """Turns as Qwen and those who build on it write them."""
    return turns("<|im_start|>", picture, "<|im_end|>\n", "<|im_start|>assistant\n", separator="\n")


def qwen_tokenizer(*added: str, **named: str):
    """Qwen2.5's own tokenizer, which ComfyUI ships, with further special tokens, the ``named`` ones as attributes."""
    from transformers import AutoTokenizer

    comfyui = find_comfyui()
    if comfyui is None:
        raise FileNotFoundError(
            "No ComfyUI: run `python3 -m xlard.quickstart test`, or set COMFYUI_PATH to a checkout."
        )
    source = comfyui / "comfy" / "text_encoders" / "qwen25_tokenizer"
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True, extra_special_tokens=named)
    tokenizer.add_tokens(list(added), special_tokens=True)
    tokenizer.chat_template = None
    return tokenizer


@cache
def _bytes_model(specials: tuple[str, ...]) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    spoken = [
        questions.SYSTEM,
        *questions.YES_OR_NO,
        *questions.VERDICT,
        *questions.RATING,
        *questions.LIST_OBJECTS,
        "yes no Yes No a red circle left of two blue squares and three green triangles [] {} 0 1 2 3 4 5 6 7 8 9",
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        spoken,
        trainers.BpeTrainer(
            vocab_size=600,
            special_tokens=list(specials),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer.to_str()


def small_tokenizer(bos: str, eos: str, pad: str, *added: str, begins: bool = False, **named: str):
    """A byte-level tokenizer for families whose own is nowhere at hand; ``begins`` puts ``bos`` before each text."""
    from tokenizers import Tokenizer, processors
    from transformers import PreTrainedTokenizerFast

    specials = tuple(dict.fromkeys((pad, eos, bos, *added, *named.values())))
    tokenizer = Tokenizer.from_str(_bytes_model(specials))
    if begins:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        extra_special_tokens=named,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )

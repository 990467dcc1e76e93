"""The parts of ComfyUI that it may move without notice. No other module of the pack touches them.

Each function says what it rests on, and since which release of ComfyUI that is there; "always" means from before
0.3.10. The tests in tests/nodes/test_compat.py run every one of them on a ComfyUI folder, and name what would break.
What the pack uses beside these functions is public: ``comfy_api.latest``, ``comfy.utils.ProgressBar``, the lists of
``KSampler``, the devices, ``load_models_gpu``, ``unload_all_models``, ``soft_empty_cache`` and the interruption of
``comfy.model_management``, ``ModelPatcher`` with ``clone`` and ``get_model_object``, ``latent_channels`` of a latent
format, ``CLIP.tokenize`` and ``encode_from_tokens_scheduled``, ``VAE.decode``.
"""

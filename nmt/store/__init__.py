"""Run folders, checkpoints and model folders: the only code that knows their formats.

Tensors are safetensors, the rest JSON and TOML; nothing is ever unpickled.
"""

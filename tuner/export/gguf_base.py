"""Write a whole model as one GGUF file: a base, or a base with its adapter added in.

In: a folder in Hugging Face layout and a number format. Out: a file that llama.cpp loads, the same bytes for the same
input. Memory holds one tensor at a time.
Refused: what `architectures`, `vocabulary`, `tensors` and `number_formats` refuse.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import gguf

from tuner.export.architectures import require_supported
from tuner.export.merged import require_targets
from tuner.export.number_formats import FILE_TYPES, Format, kind_of, stored, stored_dtype, stored_shape
from tuner.export.shapes import rope_divisors, write_shape
from tuner.export.tensors import plan_tensors
from tuner.export.vocabulary import read_vocabulary
from tuner.export.weights import Lora, Weights, read_json, reason_named


def write_gguf(
    folder: Path,
    out: Path,
    number_format: Format,
    name: str,
    lora: Lora | None = None,
    done: Callable[[], None] = lambda: None,
) -> None:
    """Write the model of `folder` to `out`, with `lora` added to its weights where one is given.

    `done` is called after each tensor.
    """
    config = read_json(folder / "config.json")
    architecture = require_supported(config)
    weights = Weights(folder)
    require_targets(weights, lora or {})
    vocabulary = read_vocabulary(folder, config["vocab_size"])
    plans = list(plan_tensors(weights, lora or {}, config, architecture))
    divisors = rope_divisors(config)

    writer = gguf.GGUFWriter(str(out), architecture.gguf)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[number_format])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    write_shape(writer, config, architecture)
    vocabulary.write(writer)
    if divisors is not None:
        writer.add_tensor_info("rope_freqs.weight", divisors.shape, divisors.dtype, divisors.nbytes)
    layers, tied = config["num_hidden_layers"], config.get("tie_word_embeddings", False)
    kinds = [kind_of(plan.name, plan.shape, number_format, layers, tied) for plan in plans]
    for plan, kind in zip(plans, kinds, strict=True):
        shape, dtype = stored_shape(plan.shape, kind), stored_dtype(kind)
        writer.add_tensor_info(plan.name, shape, dtype, math.prod(shape) * dtype.itemsize, kind)
    with reason_named(out):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if divisors is not None:
            writer.write_tensor_data(divisors)
        for plan, kind in zip(plans, kinds, strict=True):
            writer.write_tensor_data(stored(plan.read(), kind, plan.name))
            done()
        writer.close()

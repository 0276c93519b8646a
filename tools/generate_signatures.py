"""Writes the two modules whose functions differ in nothing but their signatures.

    python tools/generate_signatures.py           writes them
    python tools/generate_signatures.py --check   fails if they are not what it would write

`operands.py` holds the methods of a loss for each set of operands, so that `inspect.signature`, editors and type
checkers see the exact names. `catalogue.py` lists the losses and makes a function of each. Both are plain code that can
be read, stepped through and type-checked, which functions built at run time could not.

Design: the method bodies stand once, in METHODS. A plain call costs one Python frame: the methods ask the extension
directly and go on to the general case only when it says that the call is not plain, or when an argument is given that
it does not know.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
import types
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "fusedloss"

BY_DEFAULT_ONE = {
    "out": "Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself; of several "
    "gradients a tuple.",
    "wrt": 'The operands whose derivatives are wanted, by name; by default pred alone, ``"both"`` for a tuple.',
}

OPERAND_SETS: dict[str, dict[str, Any]] = {
    "PredTarget": {
        "doc": "Losses of a prediction and a target, with the gradient with respect to the prediction.",
        "operands": {"pred": "What the model gives.", "target": "What it should give."},
        "variables": ("pred",),
        "weighed": "target",
        "fast": True,
    },
    "PredTargetAlike": {
        "doc": "Losses of a prediction and a target of its kind, with the gradient by pred, to both if asked for.",
        "operands": {"pred": "What the model gives.", "target": "What it should give, of the same shape."},
        "meanings": BY_DEFAULT_ONE,
        "variables": ("pred", "target"),
        "by_default": "pred",
        "weighed": "target",
        "fast": True,
    },
    "ScoresRelevances": {
        "doc": "Losses of scores and relevances of documents, query by query, with the gradient by the scores.",
        "operands": {
            "pred": "The score of each document, those of a query side by side.",
            "target": "The relevance of each document: the higher, the further up it should be.",
        },
        "arguments": {
            "groups": "The query of each document: integers of pred's shape, equal ones side by side.",
            "lengths": "The same as the number of documents of each query; without either, all are one query.",
        },
        "variables": ("pred",),
        "weighed": "target",
        "fast": False,
    },
    "FramesLabels": {
        "doc": "Losses of frames of utterances and of the labels that occur in them, with the gradient by the frames.",
        "operands": {
            "pred": "The classes of each frame of each utterance: (frames, utterances, classes), or as `layout` says.",
            "target": "The labels of each utterance: (utterances, most labels), or all of them one after the other.",
            "input_lengths": "How many frames each utterance has; those behind them are not read.",
            "target_lengths": "How many labels each utterance has.",
        },
        "variables": ("pred",),
        "weighed": "target_lengths",
        "fast": False,
    },
    "LatticesLabels": {
        "doc": "Losses of lattices of frames and labels of utterances, with the gradient by their classes.",
        "operands": {
            "pred": "The classes of each frame of each utterance, for each number of labels given before: (utterances, "
            "frames, most labels + 1, classes).",
            "target": "The labels of each utterance: (utterances, most labels), or all of them one after the other.",
            "input_lengths": "How many frames each utterance has; those behind them are not read.",
            "target_lengths": "How many labels each utterance has.",
        },
        "variables": ("pred",),
        "weighed": "target_lengths",
        "fast": False,
    },
    "TokensLabels": {
        "doc": "Losses of tokens of sequences and their targets, with the gradient by the tokens.",
        "operands": {
            "pred": "The logits of each token: (sequences, tokens, classes) or (all tokens, classes).",
            "target": "The label of each token, or distributions of pred's shape.",
        },
        "arguments": {
            "lengths": "How many tokens each sequence has.",
            "mask": "For padded sequences instead: True where a token counts, (sequences, tokens).",
        },
        "variables": ("pred",),
        "weighed": "target",
        "fast": False,
    },
    "MapsTarget": {
        "doc": "Losses of how maps of pixels overlap with what is there, with the gradient by the prediction.",
        "operands": {
            "pred": "A map for each sample and class: (samples, classes, ...), or with classes along `axis`.",
            "target": "The class of each pixel: integers of pred's shape without the classes; or maps of pred's shape.",
        },
        "arguments": {
            "mask": "A weight >= 0 for each pixel, 0 to leave it out: of pred's shape without the classes, or with "
            "axes of length 1.",
        },
        "variables": ("pred",),
        "fast": False,
    },
    "PredTargetVariance": {
        "doc": "Losses of a normal distribution's mean and variance and a target, with gradients to the first two.",
        "operands": {"pred": "The mean.", "target": "What was observed.", "variance": "The variance."},
        "variables": ("pred", "variance"),
        "weighed": "target",
        "fast": False,
    },
    "PredTargetScale": {
        "doc": "Losses of a distribution's mean and standard deviation and a target, with gradients to the first two.",
        "operands": {"pred": "The mean.", "target": "What was observed.", "scale": "The standard deviation."},
        "variables": ("pred", "scale"),
        "weighed": "target",
        "fast": False,
    },
    "Ranked": {
        "doc": "Losses of two scores and of which of them should be the higher one.",
        "operands": {
            "x1": "The one score.",
            "x2": "The other score.",
            "target": "+1 where x1 should be higher, -1 where x2 should.",
        },
        "variables": ("x1", "x2"),
        "weighed": "target",
        "fast": False,
    },
    "TwoVectors": {
        "doc": "Losses of pairs of vectors that belong together, with gradients to both.",
        "operands": {"x1": "Vectors, (..., dimensions).", "x2": "As many others, of the same shape."},
        "variables": ("x1", "x2"),
        "weighed": "x1",
        "fast": False,
    },
    "TwoVectorsTarget": {
        "doc": "Losses of pairs of vectors and of whether they belong together, with gradients to both.",
        "operands": {
            "x1": "Vectors, (..., dimensions).",
            "x2": "As many others, of the same shape.",
            "target": "Whether they belong together, (...).",
        },
        "variables": ("x1", "x2"),
        "weighed": "target",
        "fast": False,
    },
    "AnchorPositiveNegative": {
        "doc": "Losses of triplets of vectors, with gradients to all.",
        "operands": {
            "anchor": "Vectors, (..., dimensions).",
            "positive": "For each a vector that belongs with it.",
            "negative": "For each a vector that does not.",
        },
        "variables": ("anchor", "positive", "negative"),
        "weighed": "anchor",
        "fast": False,
    },
    "TwoViews": {
        "doc": "Losses of two views of each sample, with gradients to both.",
        "operands": {"view1": "A vector for each sample, (samples, dimensions).", "view2": "Another one for each."},
        "variables": ("view1", "view2"),
        "weighed": "view1",
        "fast": False,
    },
    "QueryKey": {
        "doc": "Losses of queries, each with a key that belongs to it, with gradients to both.",
        "operands": {
            "query": "Vectors, (queries, dimensions).",
            "key": "The key of each query in its place, (keys, dimensions); further ones belong to none.",
        },
        "variables": ("query", "key"),
        "weighed": "query",
        "fast": False,
    },
    "AnchorPositive": {
        "doc": "Losses of anchors, each with a vector that belongs with it, with gradients to both.",
        "operands": {
            "anchor": "Vectors, (anchors, dimensions).",
            "positive": "For each a vector that belongs with it, and not with others.",
        },
        "variables": ("anchor", "positive"),
        "weighed": "anchor",
        "fast": False,
    },
    "EmbeddingsLabels": {
        "doc": "Losses of vectors and of what class each belongs to, with the gradient by the vectors.",
        "operands": {
            "embeddings": "Vectors, (samples, dimensions).",
            "labels": "The class of each, any integers.",
        },
        "variables": ("embeddings",),
        "weighed": "labels",
        "fast": False,
    },
    "EmbeddingsLabelsWeight": {
        "doc": "Losses of cosines between vectors and classes, and of what class each belongs to.",
        "operands": {
            "embeddings": "Vectors, (samples, dimensions); without a weight cosines, (samples, classes).",
            "labels": "The class of each, from 0 on.",
            "weight": "A vector for each class, (classes, dimensions); None if embeddings are cosines already.",
        },
        "optional": ("weight",),
        "meanings": {
            "out": "Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name "
            "in wrt that array. They may be the operands themselves.",
        },
        "variables": ("embeddings", "weight"),
        "weighed": "labels",
        "fast": False,
    },
    "EmbeddingsLabelsCenters": {
        "doc": "Losses of vectors and of the centers of their classes, with gradients to both.",
        "operands": {
            "embeddings": "Vectors, (samples, dimensions).",
            "labels": "The class of each, from 0 on.",
            "centers": "The center of each class, (classes, dimensions).",
        },
        "variables": ("embeddings", "centers"),
        "weighed": "labels",
        "fast": False,
    },
    "ViewsOfBatch": {
        "doc": "Losses of two views of a batch as a whole, with gradients to both.",
        "operands": {"view1": "A vector for each sample, (samples, dimensions).", "view2": "Another one for each."},
        "variables": ("view1", "view2"),
        "fast": False,
    },
    "RealFake": {
        "doc": "Losses of what a discriminator gives for real samples and for as many generated ones.",
        "operands": {"real": "Its output for real samples.", "fake": "Its output for generated samples."},
        "variables": ("real", "fake"),
        "weighed": "real",
        "fast": False,
    },
    "Fake": {
        "doc": "Losses of what a discriminator gives for generated samples.",
        "operands": {"fake": "Its output for generated samples."},
        "variables": ("fake",),
        "weighed": "fake",
        "fast": False,
    },
    "HiddenWeightTarget": {
        "doc": "Losses of the logits hidden @ weight.T + bias and a target, with gradients to what logits are made of.",
        "operands": {
            "hidden": "What goes into the linear layer, (..., features).",
            "weight": "The weight of the layer, (classes, features).",
            "target": "Labels of the items' shape, or distributions with a further axis of classes.",
            "bias": "The bias of the layer, (classes,); None if it has none, and so no gradient.",
        },
        "optional": ("bias",),
        "meanings": {
            "out": "Takes the gradients: a tuple of float32 or float64 arrays of the operands' shapes, or for one name "
            "in wrt that array. The one for hidden may be hidden itself.",
        },
        "variables": ("hidden", "weight", "bias"),
        "weighed": "target",
        "fast": False,
    },
    "Gaussians": {
        "doc": "Losses of one normal distribution, or of two, with gradients to all that is given.",
        "operands": {
            "mean": "The mean of each dimension, (..., dimensions).",
            "log_var": "The logarithm of its variance.",
            "prior_mean": "The mean of the other distribution; None for 0.",
            "prior_log_var": "The logarithm of its variance; None for 0.",
        },
        "optional": ("prior_mean", "prior_log_var"),
        "variables": ("mean", "log_var", "prior_mean", "prior_log_var"),
        "weighed": "mean",
        "fast": True,
    },
    "PredTargetMeanLogVar": {
        "doc": "Losses of a reconstruction and of the normal distribution that it was made from.",
        "operands": {
            "pred": "What the decoder gives, (samples, ...).",
            "target": "What it should give.",
            "mean": "The mean that the encoder gives for each dimension, (samples, ..., dimensions).",
            "log_var": "The logarithm of the variance.",
        },
        "variables": ("pred", "mean", "log_var"),
        "weighed": "mean",
        "fast": False,
    },
    "Samples": {
        "doc": "Losses between two sets of samples, with gradients to these and to their weights where they are given.",
        "operands": {
            "x": "Samples: their places along the last axis, or (..., samples, dimensions).",
            "y": "Other samples, not necessarily as many.",
            "x_weight": "A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.",
            "y_weight": "The same of y.",
        },
        "optional": ("x_weight", "y_weight"),
        "variables": ("x", "y", "x_weight", "y_weight"),
        "weighed": "x",
        "fast": False,
    },
    "SamplesOrCosts": {
        "doc": "Losses between two clouds of points, or of what it costs to move each to each, with gradients to all.",
        "operands": {
            "x": "Points, (..., samples, dimensions); or without y the cost of each pair, (..., samples, samples).",
            "y": "Other points, not necessarily as many; None if x holds costs.",
            "x_weight": "A weight >= 0 for each sample of x; None if all are alike, and so without a gradient.",
            "y_weight": "The same of y.",
        },
        "optional": ("y", "x_weight", "y_weight"),
        "meanings": {
            "out": "Takes the gradients: a tuple of float32 or float64 arrays of the shapes of the operands given, or "
            "operands themselves.",
        },
        "variables": ("x", "y", "x_weight", "y_weight"),
        "weighed": "x",
        "fast": False,
    },
    "Image": {
        "doc": "Losses of images, with the gradient by their pixels.",
        "operands": {"pred": "Images, (samples, channels, rows, columns) or as `axis` says."},
        "variables": ("pred",),
        "weighed": "pred",
        "fast": False,
    },
    "ImagePairs": {
        "doc": "Losses of images and of what they should be, with the gradient by the images, to both if asked for.",
        "operands": {
            "pred": "Images, (samples, channels, rows, columns) or as `axis` says.",
            "target": "What they should be, of the same shape.",
        },
        "meanings": BY_DEFAULT_ONE,
        "variables": ("pred", "target"),
        "by_default": "pred",
        "weighed": "target",
        "fast": False,
    },
    "FeaturePairs": {
        "doc": "Losses of a network's features of images and of what these should be, with gradients to the former.",
        "operands": {
            "features": "A list of maps, (samples, channels, ...) or as `axis` says; or one map.",
            "target_features": "As many maps of the same shapes.",
        },
        "types": {"features": "Any", "target_features": "Any"},
        "meanings": {
            "out": "Takes the gradients: a list of float32 or float64 arrays of the maps' shapes, or maps themselves; "
            "of both operands a tuple of two such lists.",
            "wrt": 'The operands whose derivatives are wanted, by name; by default features, ``"both"`` for a tuple.',
        },
        "variables": ("features", "target_features"),
        "by_default": "features",
        "weighed": "features",
        "fast": False,
    },
    "Params": {
        "doc": "Losses of parameters, whatever the data.",
        "operands": {"params": "An array, or a list of arrays."},
        "types": {"params": "Any"},
        "meanings": {
            "vector": "What the Hessian is multiplied with, of the shape of params.",
            "out": "Takes the gradient: an array of the shape of params, or for a list of arrays as many of them. They "
            "may be params themselves.",
        },
        "omitted": ("sample_weight", "denominator", "hessian", "min_hessian", "wrt"),
        "variables": ("params",),
        "fast": False,
    },
    "Named": {
        "doc": "Losses made of others: they take the operands of all, by position or by name.",
        "variadic": {
            "operands": "Those of all terms, each once, in the order in which terms name them.",
            "named": "Operands by name, and further arguments of the terms.",
        },
        "operands": {},
        "meanings": {
            "vector": "What the Hessian is multiplied with: for several operands with a gradient a tuple.",
            "min_hessian": "Not for a sum, whose items may be of several shapes.",
            "out": "Takes the gradient, or for several operands a tuple of them: float32 or float64 arrays of the "
            "operands' shapes, or operands themselves.",
        },
        "variables": (),
        "weighed": "target",
        "fast": False,
    },
}

OPERANDS_HEADER = '''"""The methods of a loss, for each set of operands. Made by tools/generate_signatures.py."""

from __future__ import annotations

from typing import Any

from .arrays import Array, ArrayLike, Value
from .backend import GRAD_HESS, HVP, VALUE, VALUE_GRAD, VALUE_GRAD_HESS, fast
from .kinds.kind import Kind
'''

CLASS = '''

class {cls}(Kind):
    """{doc}"""

{declared}'''

ARGUMENTS = {
    "sample_weight": "A weight for each item: of the items' shape, of its first axes', or with axes of length 1.",
    "denominator": "Replaces the divisor of a mean, so that the results of shards add up to those of the whole.",
    "cotangent": 'Multiplies all derivatives: a number, or with ``reduction="none"`` one for each item.',
    "vector": "What the Hessian is multiplied with{as_variables}.",
    "hessian": '``"exact"``, or a surrogate that the loss lists in `hessians`; ``"unit"`` is 1 for each item.',
    "min_hessian": "Lower bound of the second derivative of an item, before weights.",
    "out": "Takes the gradient: a float32 or float64 array of the operand's shape, or the operand itself.",
    "out_hess": "The same for the Hessian.",
    "wrt": "The operands whose derivatives are wanted, by name; by default all that have one.",
}

# name: (summary, keyword arguments, type of the result, body)
METHODS: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "__call__": (
        'The value: a float, or one for each item with ``reduction="none"``.',
        ("sample_weight", "denominator"),
        "Value",
        """
        if {alone}sample_weight is None and denominator is None:
            result = fast(self._plan, VALUE, {names}, None, None)
            if result is not None:
                return result
        return self._evaluate(VALUE, ({packed}), {keywords})
        """,
    ),
    "value_and_grad": (
        "The value and its gradient, from one pass.",
        ("sample_weight", "denominator", "cotangent", "out", "wrt"),
        "tuple[Value, {array}]",
        """
        if {alone}sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, {array}] | None = fast(self._plan, VALUE_GRAD, {names}, out, None)
            if result is not None:
                return result
        value, grad = self._evaluate(VALUE_GRAD, ({packed}), {keywords})
        return value, grad
        """,
    ),
    "grad": (
        "The gradient of the value.",
        ("sample_weight", "denominator", "cotangent", "out", "wrt"),
        "{array}",
        """
        if {alone}sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, {array}] | None = fast(self._plan, VALUE_GRAD, {names}, out, None)
            if result is not None:
                return result[1]
        grad: {array} = self._evaluate(VALUE_GRAD, ({packed}), {keywords})[1]
        return grad
        """,
    ),
    "grad_and_hess": (
        "The gradient of the value and the diagonal of its Hessian, as boosting libraries ask for.",
        ("sample_weight", "denominator", "cotangent", "hessian", "min_hessian", "out", "out_hess", "wrt"),
        "tuple[{array}, {array}]",
        """
        if (
            {alone}sample_weight is None
            and denominator is None
            and cotangent is None
            and hessian == "exact"
            and min_hessian is None
            and wrt is None
        ):
            result: tuple[{array}, {array}] | None = fast(self._plan, GRAD_HESS, {names}, out, out_hess)
            if result is not None:
                return result
        grad, hess = self._evaluate(GRAD_HESS, ({packed}), {keywords})
        return grad, hess
        """,
    ),
    "value_grad_and_hess": (
        "The value, its gradient and the diagonal of its Hessian, from one pass.",
        ("sample_weight", "denominator", "cotangent", "out", "out_hess", "wrt"),
        "tuple[Value, {array}, {array}]",
        """
        if {alone}sample_weight is None and denominator is None and cotangent is None and wrt is None:
            result: tuple[Value, {array}, {array}] | None = fast(self._plan, VALUE_GRAD_HESS, {names}, out, out_hess)
            if result is not None:
                return result
        value, grad, hess = self._evaluate(VALUE_GRAD_HESS, ({packed}), {keywords})
        return value, grad, hess
        """,
    ),
    "hvp": (
        "The Hessian of the value times a vector, cross terms included.",
        ("vector", "sample_weight", "denominator", "cotangent", "out", "wrt"),
        "{array}",
        """
        product: {array} = self._evaluate(HVP, ({packed}), {keywords})
        return product
        """,
    ),
    "partial": (
        "The sum of weighted item values and the sum of weights, to be added up over shards whatever the reduction.",
        ("sample_weight",),
        "tuple[float, float]",
        """
        return self._partial(({packed}), sample_weight)
        """,
    ),
}

WEIGHT_TOTAL = '''
    def weight_total(self, {weighed}: {type}, *, {signature}) -> float:
        """The sum of the items' weights, which divides a mean: what `denominator` is made of, without a pass over pred.

        Args:
            {weighed}: As in a call.{doc}
        """
        return self._weight_total({passed}, sample_weight)
'''

OPTIONAL = "ArrayLike | None = None"
TYPES = {
    "sample_weight": OPTIONAL,
    "denominator": "float | None = None",
    "cotangent": "ArrayLike | None = None",
    "vector": "{arraylike}",
    "hessian": 'str = "exact"',
    "min_hessian": "float | None = None",
    "out": "{array} | None = None",
    "out_hess": "{array} | None = None",
    "wrt": "str | tuple[str, ...] | None = None",
}


def packed(operands: tuple[str, ...], optional: tuple[str, ...]) -> str:
    """The operands as a tuple, without the optional ones if all of them are None."""

    def listed(names: tuple[str, ...]) -> str:
        return ", ".join(names) + ("," if len(names) == 1 else "")

    if not optional:
        return listed(operands)
    missing = " and ".join(f"{name} is None" for name in optional)
    return f"({listed(operands[: -len(optional)])}) if {missing} else ({listed(operands)})"


def parameters(operands: tuple[str, ...], optional: tuple[str, ...], types: dict[str, str] | None = None) -> list[str]:
    """The operands as parameters of a function."""
    of = {name: (types or {}).get(name, "ArrayLike") for name in operands}
    return [f"{name}: {of[name]}" + " | None = None" * (name in optional) for name in operands]


def operand_sets() -> str:
    """The text of operands.py."""
    parts = [OPERANDS_HEADER]
    for cls, spec in OPERAND_SETS.items():
        operands, variables, optional = spec["operands"], spec["variables"], spec.get("optional", ())
        arguments, variadic = spec.get("arguments", {}), spec.get("variadic", {})
        alone = len(variables) < 2 or "by_default" in spec
        of_any_type = len(variables) != 1 or bool(spec.get("types"))
        words = {
            "names": ", ".join(name for name in operands if name not in optional),
            "alone": "".join(f"{name} is None and " for name in optional),
            "packed": "self._bound(operands, named)" if variadic else packed((*operands, *arguments), optional),
            "array": "Any" if of_any_type else "Array",  # with several, a tuple or by `wrt` one of them
            "arraylike": "tuple[ArrayLike, ...]" if not alone else "Any" if of_any_type else "ArrayLike",
            "as_variables": f", of the shape of {', '.join(variables[:1])}"
            if alone
            else ": a tuple, one for each operand",
        }
        declared = {"operands": tuple(operands), "variables": variables, "arguments": tuple(arguments)}
        declared |= {"optional": optional, "weighed": spec.get("weighed"), "by_default": spec.get("by_default")}
        lines = "".join(f"    {name} = {value!r}\n" for name, value in declared.items() if value)
        parts.append(CLASS.format(cls=cls, doc=spec["doc"], declared=lines))
        for name, (summary, all_keywords, result, body) in METHODS.items():
            keywords = [keyword for keyword in all_keywords if keyword not in spec.get("omitted", ())]
            if name == "partial" and not keywords:
                continue
            signature = parameters(tuple(operands), optional, spec.get("types"))
            signature += ["*operands: Any" if variadic else "*"] if keywords else []
            signature += [f"{argument}: {OPTIONAL}" for argument in arguments]
            signature += [*(f"{keyword}: {TYPES[keyword].format(**words)}" for keyword in keywords)]
            signature += ["**named: Any"] if variadic else []
            doc = [f'"""{summary}', "", "Args:"]
            meanings = ARGUMENTS | spec.get("meanings", {})
            of_keywords = [(k, meanings[k].format(**words)) for k in keywords]
            if variadic:
                of_keywords = [("*operands", variadic["operands"]), *of_keywords, ("**named", variadic["named"])]
            for argument, meaning in [*operands.items(), *arguments.items(), *of_keywords]:
                doc += textwrap.wrap(f"{argument}: {meaning}", 112, initial_indent="    ", subsequent_indent=" " * 8)
            doc += ['"""']
            passed = ", ".join(f"{keyword}={keyword}" for keyword in keywords)
            lines = inspect.cleandoc(body.format(keywords=passed, **words).replace(", )", ")")).splitlines()
            if not spec["fast"] and lines[0].startswith("if "):
                lines = lines[next(i for i, line in enumerate(lines) if "_evaluate" in line) :]
            parts.append(f"\n    def {name}(self, {', '.join(signature)}) -> {result.format(**words)}:\n")
            parts += [f"        {line}\n" if line else "\n" for line in [*doc, *lines]]
        if "weighed" not in spec:
            continue
        weighed, further = spec["weighed"], [*arguments, "sample_weight"]
        parts.append(
            WEIGHT_TOTAL.format(
                weighed=weighed,
                type=spec.get("types", {}).get(weighed, "ArrayLike"),
                signature=", ".join(f"{argument}: {OPTIONAL}" for argument in further),
                doc="".join(f"\n            {argument}: As in a call." for argument in further),
                passed=f"({', '.join([weighed, *arguments])})" if arguments else weighed,
            )
        )
    return "".join(parts)


def load_losses() -> list[type]:
    """The concrete losses in the order of their files."""
    sys.modules["fusedloss.catalogue"] = types.ModuleType("fusedloss.catalogue")  # whatever it holds now
    sys.modules["fusedloss.catalogue"].__dict__.update(LOSSES={}, __all__=[])
    package = importlib.import_module("fusedloss.losses")
    found = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"fusedloss.losses.{info.name}")
        classes = [cls for cls in vars(module).values() if inspect.isclass(cls) and cls.__module__ == module.__name__]
        found += [cls for cls in classes if hasattr(cls, "facts") and not cls.__name__.startswith("_")]
    return found


CATALOGUE_HEADER = '''"""All losses, and a function made from each. Made by tools/generate_signatures.py: run it."""

from __future__ import annotations

'''

CATALOGUE_LISTS = '''

__all__ = [
{names}]

LOSSES: dict[str, type[Loss]] = {{
{losses}}}
"""By name, family by family."""
'''

FUNCTION = '''

def {name}({signature}) -> Value:
    """{summary}

    {meaning}

    Returns:
        A float, or one value for each item with ``reduction="none"``.
    """
    return {cls}({options})({names}, {arguments}sample_weight=sample_weight, denominator=denominator)
'''


def catalogue(losses: list[type]) -> str:
    """The text of catalogue.py."""
    arrays = importlib.import_module("fusedloss.arrays")
    modules: dict[str, list[str]] = {}
    for cls in sorted(losses, key=lambda cls: isort_key(cls.__name__)):
        modules.setdefault(cls.__module__.rpartition(".")[2], []).append(cls.__name__)
    names = sorted([cls.__name__ for cls in losses] + [cls.name for cls in losses], key=isort_key)
    functions = []
    for cls in losses:
        fields = sorted(dataclasses.fields(cls), key=lambda field: field.name == "reduction")  # as the last one
        signature = [*parameters(cls.operands, cls.optional), "*"]
        signature += [f"{f.name}: {f.type} = {f.default!r}" for f in fields]
        signature += [f"{argument}: {OPTIONAL}" for argument in (*cls.arguments, "sample_weight")]
        signature += ["denominator: float | None = None"]
        arguments = ", ".join(f"`{name}`" for name in (*cls.operands, *cls.arguments))
        meaning = (
            f"The value of `{cls.__name__}` as a function: {arguments} as in a call, the options those of the class."
        )
        functions.append(
            FUNCTION.format(
                name=cls.name,
                cls=cls.__name__,
                signature=", ".join(signature),
                summary=(inspect.getdoc(cls) or "").splitlines()[0],
                meaning=textwrap.fill(meaning, 116, subsequent_indent=" " * 4),
                arguments="".join(f"{argument}={argument}, " for argument in cls.arguments),
                options=", ".join(f"{f.name}={f.name}" for f in fields),
                names=", ".join(cls.operands),
            )
        )
    text = "".join(functions)
    annotations = [name for name in dir(arrays) if re.search(rf"(: |-> |\| ){name}\b", text)]
    imports = [f"from .arrays import {', '.join(annotations)}", "from .base import Loss"]
    imports += [f"from .losses.{module} import {', '.join(classes)}" for module, classes in sorted(modules.items())]
    table = "".join(f"    {cls.name!r}: {cls.__name__},\n" for cls in losses)
    listed = "".join(f"    {name!r},\n" for name in names)
    return CATALOGUE_HEADER + "\n".join(imports) + CATALOGUE_LISTS.format(names=listed, losses=table) + text


def isort_key(name: str) -> tuple[int, str]:
    """Constants, classes, functions, each in order: how imports and __all__ are sorted."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def update(path: Path, text: str, check: bool) -> bool:
    """Writes a module, formatted, unless it says the same already; tells whether it did not."""
    if path.exists() and ast.dump(ast.parse(path.read_text())) == ast.dump(ast.parse(text)):
        return False
    print(f"{path.name} is not current" if check else f"writing {path.name}")
    if not check:
        path.write_text(text)
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(path)], check=True)
    return True


def main() -> int:
    """Writes or compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
    check = parser.parse_args().check
    os.environ["FUSEDLOSS_BACKEND"] = "numpy"  # the source tree has no extension
    sys.path.insert(0, str(PACKAGE.parent))
    stale = update(PACKAGE / "operands.py", operand_sets(), check)  # first: the losses are made of it
    stale |= update(PACKAGE / "catalogue.py", catalogue(load_losses()), check)
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())

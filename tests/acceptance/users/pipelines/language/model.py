"""A very small language model, which is made when the module is loaded."""

import collections
import itertools
import os
import time

TEXT = "the cat sat on the mat and the cat ran to the dog and the dog sat"


def _train(text):
    following = collections.defaultdict(collections.Counter)
    words = text.split()
    for word, after in itertools.pairwise(words):
        following[word][after] += 1
    return following


print("loading the model")
LOADED_AT = time.time_ns()
MODEL = _train(TEXT)
ACCESS_TOKEN = os.environ["HUGGINGFACE_ACCESS_TOKEN"]


def generate(message):
    words = message.split()
    for _ in range(3):
        words.append(min(MODEL[words[-1]].most_common(), key=lambda pair: (-pair[1], pair[0]))[0])
    return {"results": {"text": " ".join(words), "loaded_at": LOADED_AT}}

"""Ways to damage the bytes of a file at random, for the checks that use damaged files."""

import re

import numpy as np

Rng = np.random.Generator
NUMBERS = [b"1e308", b"-1", b"0", b"99999999999999999999", b"1e-300", b"NaN", b"-Infinity", b"1e999", b"true", b"null"]
WORDS = [
    b'""',
    b'"\xc3\xa9"',
    b'"../../etc"',
    b'"\\u0000"',
    b'"' + b"x" * 300 + b'"',
    b"[]",
    b"{}",
    b'"1_0"',
    b'"\xb2"',
]


def change_bytes(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 9)):
        changed[place] = rng.integers(256)
    return bytes(changed)


def cut_end(data: bytes, rng: Rng) -> bytes:
    return data[: rng.integers(0, len(data))]


def take_run(data: bytes, rng: Rng) -> bytes:
    first, last = np.sort(rng.integers(0, len(data), 2))
    return data[:first] + data[last:]


def double_run(data: bytes, rng: Rng) -> bytes:
    first, last = np.sort(rng.integers(0, len(data), 2))
    return data[:last] + data[first:last] + data[last:]


def insert_noise(data: bytes, rng: Rng) -> bytes:
    place = rng.integers(0, len(data))
    return data[:place] + rng.bytes(rng.integers(1, 2000)) + data[place:]


def huge_words(data: bytes, rng: Rng) -> bytes:
    """A huge or negative number of 4 or 8 bytes at a place, as a size that a header claims."""
    words = (b"\xff" * 8, b"\x00" * 8, (10**12).to_bytes(8, "little"), b"\xff\xff\xff\x7f")
    place, word = int(rng.integers(0, len(data))), words[rng.integers(len(words))]
    return data[:place] + word + data[place + len(word) :]


def odd_values(data: bytes, rng: Rng) -> bytes:
    """A number or a text of a JSON or TOML file, or of the head of a model, exchanged for an odd one."""
    found = [*re.finditer(rb'(?<=[:=\[,] )?(?:"[^"\n]*"|-?\d+(?:\.\d+)?)', data[:20_000])]
    if not found:
        return change_bytes(data, rng)
    at, odd = found[rng.integers(len(found))], [*NUMBERS, *WORDS]
    return data[: at.start()] + odd[rng.integers(len(odd))] + data[at.end() :]


def retype(data: bytes, rng: Rng) -> bytes:
    """One character of the first 2000 typed wrong: a digit for a digit, or a letter for a letter."""
    kind, typed = (rb"[0-9]", b"0123456789") if rng.random() < 0.7 else (rb"[a-z]", b'abcdefxyz_ ."=-')
    found = [*re.finditer(kind, data[:2000])]
    if not found:
        return change_bytes(data, rng)
    place = found[rng.integers(len(found))].start()
    return data[:place] + bytes([typed[rng.integers(len(typed))]]) + data[place + 1 :]


MUTATIONS = [change_bytes, cut_end, take_run, double_run, insert_noise, huge_words, odd_values, odd_values]
OF_TEXT = [odd_values, odd_values, retype, retype, retype, take_run, double_run, change_bytes]

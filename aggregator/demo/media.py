"""Small pictures and chimes for the demo, drawn from a name: the same name always gives the same bytes.

In: a name. Out: PNG, SVG or WAV bytes. Nothing is read from disk, so the package carries no binary files.
"""

from __future__ import annotations

import math
import struct
import zlib
from colorsys import hls_to_rgb
from functools import lru_cache
from hashlib import sha256

WIDTH, HEIGHT = 320, 180  #: pixels of every picture; the feeds state them too
_SKY = 24  #: shades between the top of the picture and the horizon
_SUN, _FAR, _NEAR = _SKY, _SKY + 1, _SKY + 2  #: places in the palette, after the sky
_RATE = 8_000  #: samples per second
_SECONDS = 2
_NOTES = (262, 294, 330, 392, 440, 523)  #: hertz; a pentatonic scale, so that any three notes sound well together


@lru_cache(maxsize=64)
def draw_png(name: str) -> bytes:
    """Draw two hills under a sun."""
    seed = sha256(name.encode()).digest()
    rows = b"".join(b"\0" + _draw_row(y, seed) for y in range(HEIGHT))  # filter type 0 (PNG §9.2) before each row
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)  # 8 bits, palette (PNG §11.2.2)
    chunks = ((b"IHDR", header), (b"PLTE", _palette(seed)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def draw_svg(name: str) -> bytes:
    """Draw a round badge with the name's first letter."""
    hue = sha256(name.encode()).digest()[0] * 360 // 256
    letter = name[:1].upper() if name[:1].isalnum() else "?"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">'
        f'<circle cx="32" cy="32" r="32" fill="hsl({hue} 55% 40%)"/>'
        f'<text x="32" y="43" font-family="sans-serif" font-size="32" text-anchor="middle" fill="#fff">{letter}</text>'
        f"</svg>\n"
    ).encode()


@lru_cache(maxsize=16)
def play_wav(name: str) -> bytes:
    """Play three soft notes, one after the other; 8 bits, mono."""
    seed = sha256(name.encode()).digest()
    notes = [_NOTES[byte % len(_NOTES)] for byte in seed[:3]]
    samples = bytes(128 + round(_amplitude(position / _RATE, notes)) for position in range(_RATE * _SECONDS))
    wave_format = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, _RATE, 1, 8)
    body = b"WAVE" + wave_format + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _amplitude(second: float, notes: list[int]) -> float:
    """Add up the notes that have begun, each fading away."""
    total = 0.0
    for index, hertz in enumerate(notes):
        age = second - index * 0.35
        if age >= 0:
            total += 30 * math.exp(-3 * age) * math.sin(2 * math.pi * hertz * age)
    return total


def _palette(seed: bytes) -> bytes:
    hue = seed[0] / 256
    sky = [hls_to_rgb(hue + 0.12 * step / _SKY, 0.45 + 0.4 * step / _SKY, 0.55) for step in range(_SKY)]
    ground = [hls_to_rgb(hue + 0.1, 0.93, 0.8), hls_to_rgb(hue + 0.5, 0.38, 0.25), hls_to_rgb(hue + 0.55, 0.22, 0.3)]
    return bytes(round(255 * part) for colour in sky + ground for part in colour)


def _draw_row(y: int, seed: bytes) -> bytes:
    sun_x, sun_y, sun_radius = 40 + seed[1] % 240, 30 + seed[2] % 50, 14 + seed[3] % 12
    row = bytearray([min(_SKY - 1, y * _SKY // 130)]) * WIDTH
    half = math.isqrt(max(0, sun_radius**2 - (y - sun_y) ** 2))
    row[sun_x - half : sun_x + half] = bytes([_SUN]) * (2 * half)
    for colour, base, wave, phase in ((_FAR, 105, 70, seed[4]), (_NEAR, 140, 45, seed[5])):
        for x in range(WIDTH):
            if y > base + 18 * math.sin((x + phase) / wave) + 5 * math.sin((x + 2 * phase) / 13):
                row[x] = colour
    return bytes(row)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

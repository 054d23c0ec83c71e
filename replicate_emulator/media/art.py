"""Pictures worth looking at: soft light over a dark ground, drawn from a number."""

import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

LOOKS = 8
_PALETTES = (
    ("#0b1026", "#3a1c71", "#d76d77", "#ffaf7b"),
    ("#03121a", "#0f4c5c", "#2ec4b6", "#f4f1bb"),
    ("#120a1f", "#5f0f40", "#fb8b24", "#e36414"),
    ("#0a1128", "#1282a2", "#7ae7c7", "#fefcfb"),
    ("#14080e", "#49475b", "#a31621", "#fcb97d"),
    ("#081c15", "#2d6a4f", "#95d5b2", "#ffd166"),
    ("#10002b", "#5a189a", "#c77dff", "#72efdd"),
    ("#1a1423", "#3d314a", "#ef798a", "#f7d488"),
)
_SKETCH = 320


def draw(look: int, width: int, height: int) -> Image.Image:
    """The picture of that look, in RGB; the same arguments always give the same picture."""
    chance = Random(look)
    ground, deep, warm, light = _PALETTES[look % LOOKS]
    picture = _gradient(ground, deep)
    for colour in (deep, warm, warm, light, deep, light):
        picture = ImageChops.screen(picture, _glow(colour, chance))
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    return ImageChops.screen(picture, _orbits(light, chance, width, height))


def _gradient(top: str, bottom: str) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((_SKETCH, _SKETCH))
    size = (_SKETCH, _SKETCH)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def _glow(colour: str, chance: Random) -> Image.Image:
    mask = Image.new("L", (_SKETCH, _SKETCH))
    x, y = chance.randrange(_SKETCH), chance.randrange(_SKETCH)
    radius = chance.randrange(_SKETCH // 12, _SKETCH // 4)
    ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=190)
    soft = mask.filter(ImageFilter.GaussianBlur(radius * 0.6))
    black = Image.new("RGB", mask.size)
    return Image.composite(Image.new("RGB", mask.size, colour), black, soft)


def _orbits(colour: str, chance: Random, width: int, height: int) -> Image.Image:
    lines = Image.new("L", (width, height))
    pen = ImageDraw.Draw(lines)
    x, y = width * chance.uniform(0.2, 0.8), height * chance.uniform(0.2, 0.8)
    reach = math.hypot(width, height)
    for step in range(1, 26):
        radius = reach * step / 40
        begin = chance.randrange(360)
        box = (x - radius, y - radius, x + radius, y + radius)
        pen.arc(box, begin, begin + chance.randrange(30, 160), fill=150 - step * 5, width=2)
    smooth = lines.filter(ImageFilter.GaussianBlur(0.8))
    black = Image.new("RGB", (width, height))
    return Image.composite(Image.new("RGB", (width, height), colour), black, smooth)

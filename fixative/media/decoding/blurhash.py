"""Blurhash: a picture's colours in some thirty characters, to be shown before it is loaded.

As https://github.com/woltapp/blurhash/blob/master/Algorithm.md has it.
"""

from math import copysign, cos, floor, pi

from PIL import Image

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
SIDE = 32  # of the picture that is looked at: more shows no difference

Colour = tuple[float, float, float]


def blurhash(image: Image.Image) -> str:
    """Of an RGB picture, with more components along its longer side."""
    across, down = (4, 3) if image.width >= image.height else (3, 4)
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    light = [_linear(value) for value in small.tobytes()]
    pixels = list(zip(light[::3], light[1::3], light[2::3], strict=True))
    rows = [pixels[at : at + SIDE] for at in range(0, SIDE * SIDE, SIDE)]
    first, *others = [_factor(rows, i, j) for j in range(down) for i in range(across)]
    most = max(abs(value) for colour in others for value in colour)
    step = max(0, min(82, floor(most * 166 - 0.5)))
    return "".join(
        (
            _written(across - 1 + (down - 1) * 9, 1),
            _written(step, 1),
            _written(_whole(first), 4),
            *(_written(_rough(colour, (step + 1) / 166), 2) for colour in others),
        )
    )


def _factor(rows: list[list[Colour]], i: int, j: int) -> Colour:
    """How much of the wave that swings i times across and j times down is in each channel."""
    across = [cos(pi * i * (x + 0.5) / SIDE) for x in range(SIDE)]
    scale = (1 if i == j == 0 else 2) / SIDE**2
    sums = [0.0, 0.0, 0.0]
    for y, row in enumerate(rows):
        down = cos(pi * j * (y + 0.5) / SIDE) * scale
        for channel in range(3):
            sums[channel] += down * sum(
                wave * pixel[channel] for wave, pixel in zip(across, row, strict=True)
            )
    return sums[0], sums[1], sums[2]


def _linear(value: int) -> float:
    part = value / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _whole(colour: Colour) -> int:
    red, green, blue = map(_encoded, colour)
    return red << 16 | green << 8 | blue


def _encoded(value: float) -> int:
    part = max(0.0, min(1.0, value))
    lit = part * 12.92 if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
    return int(lit * 255 + 0.5)


def _rough(colour: Colour, most: float) -> int:
    number = 0
    for value in colour:
        root = copysign(abs(value / most) ** 0.5, value)
        number = number * 19 + max(0, min(18, floor(root * 9 + 9.5)))
    return number


def _written(number: int, digits: int) -> str:
    return "".join(DIGITS[number // 83**at % 83] for at in reversed(range(digits)))

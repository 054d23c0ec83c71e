"""Images: measures, a thumbnail and a version for the web, by Pillow."""

import io
import warnings
from pathlib import Path
from typing import Any, cast

from PIL import Image, ImageCms, UnidentifiedImageError

from fixative.errors import NotDecodable
from fixative.media.decoding.blurhash import blurhash

THUMBNAIL_SIDE = 512
WEB_SIDE = 2048
MOST_PIXELS = 100_000_000
# No format that runs a program or reads another file.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "ICO", "JPEG2000")
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ON_THEIR_SIDE = (5, 6, 7, 8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)


def look(source: Path, folder: Path) -> dict[str, Any]:
    """Its size as it is looked at, in pixels, and a blurhash; of an animation, the first picture.

    Writes `thumbnail` and `web`. Raises NotDecodable.
    """
    try:
        with Image.open(source, formats=FORMATS) as opened:
            return _look(opened, folder)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = f"it has more than {MOST_PIXELS // 10**6} million pixels"
        raise NotDecodable(reason) from error
    except UnidentifiedImageError as error:
        raise NotDecodable("it is not the image that it begins as", str(error)) from error
    except OSError as error:
        if "truncated" in str(error):
            raise NotDecodable("it ends too early", str(error)) from error
        raise


def thumbnail(image: Image.Image, folder: Path) -> str:
    """Write `image`, in RGB with or without alpha, as the thumbnail; its blurhash."""
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    small = on_white(small)
    small.save(folder / "thumbnail", "JPEG", quality=85, progressive=True)
    return blurhash(small)


def on_white(image: Image.Image) -> Image.Image:
    """The image without transparency, as it looks on white paper."""
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    return paper.convert("RGB")


def _look(opened: Image.Image, folder: Path) -> dict[str, Any]:
    animated = opened.format in ANIMATED and getattr(opened, "is_animated", False)
    width, height = opened.size
    opened.draft(None, (WEB_SIDE, WEB_SIDE))
    opened.load()
    turn = opened.getexif().get(ORIENTATION, 1)
    image = _resizable(opened)
    image.thumbnail((WEB_SIDE, WEB_SIDE), Image.Resampling.LANCZOS)
    if turn in UPRIGHT:
        image = image.transpose(UPRIGHT[turn])
    image = _in_srgb(image, opened.info.get("icc_profile"))
    image.save(folder / "web", "WEBP", quality=80)
    if turn in ON_THEIR_SIDE:
        width, height = height, width
    return {
        "width": width,
        "height": height,
        "details": {
            "blurhash": thumbnail(image, folder),
            **({"animated": True} if animated else {}),
        },
    }


def _resizable(image: Image.Image) -> Image.Image:
    """In a mode of eight bits a channel whose pixels may be mixed."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"I", "F"}:
        return _stretched(image)
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGB") if image.mode == "P" else image


def _stretched(image: Image.Image) -> Image.Image:
    """Numbers of any range, as grey from the least to the greatest."""
    least, greatest = cast("tuple[float, float]", image.getextrema())
    scale = 255 / ((greatest - least) or 1)
    return image.point(lambda value: value * scale - least * scale).convert("L")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """In RGB or RGBA, with the colours that its profile means; a broken profile means none."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        try:
            told = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = ImageCms.profileToProfile(image, told, SRGB, outputMode=mode)
        except (ImageCms.PyCMSError, OSError):
            turned = None
        if turned is not None:
            turned.info.pop("icc_profile", None)
            return turned
    return image.convert(mode)

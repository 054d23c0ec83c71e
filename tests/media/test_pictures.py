"""Pictures made of pictures: upright, on white, in the colours that were meant."""

import pytest
from PIL import Image, ImageSequence

from fixative.errors import NotDecodable
from fixative.media.decoding import films, pictures
from fixative.media.decoding.blurhash import blurhash
from tests.media import crafted as make

LEFT, RIGHT, TOP, BOTTOM = (0.05, 0.5), (0.95, 0.5), (0.5, 0.05), (0.5, 0.95)
WHITE, RED, GREEN, BLUE = (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def look(tmp_path):
    """What becomes of an image: its measures, its thumbnail, its version for the web."""

    def at(content):
        source = tmp_path / "source"
        source.write_bytes(content)
        measures = pictures.look(source, tmp_path)
        return measures, opened(tmp_path / "thumbnail"), opened(tmp_path / "web")

    return at


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def lasts(path):
    """The milliseconds of an animation."""
    with Image.open(path) as image:
        return sum(frame.info["duration"] for frame in ImageSequence.Iterator(image))


def colour(image, place=(0.5, 0.5)):
    at = int(image.width * place[0]), int(image.height * place[1])
    return image.convert("RGBA").getpixel(at)


def near(seen, expected):
    return all(abs(a - b) <= 12 for a, b in zip(seen, expected, strict=False))


@pytest.mark.parametrize(
    ("orientation", "red"),
    [*enumerate((LEFT, RIGHT, RIGHT, LEFT, TOP, TOP, BOTTOM, BOTTOM), 1)],
)
def test_what_a_camera_turned_is_upright(look, orientation, red):
    measures, thumbnail, web = look(make.turned(orientation))

    assert (measures["width"], measures["height"]) == thumbnail.size == web.size
    for image in (thumbnail, web):
        reds = [place for place in (LEFT, RIGHT, TOP, BOTTOM) if near(colour(image, place), RED)]
        assert reds == [red]
        assert not image.getexif().get(0x0112)


def test_colours_of_print_are_shown_on_screens(look):
    _, thumbnail, web = look(make.cmyk())

    assert (thumbnail.mode, web.mode) == ("RGB", "RGB")
    assert near(colour(thumbnail), RED)


def test_colours_are_those_that_the_profile_means(look):
    _, thumbnail, web = look(make.with_profile())

    assert near(colour(thumbnail), GREEN)
    assert near(colour(web), GREEN)
    assert "icc_profile" not in web.info


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200])
def test_a_broken_profile_is_as_none(look, profile):
    _, thumbnail, _ = look(make.picture("PNG", colour=RED, icc_profile=profile))

    assert near(colour(thumbnail), RED)


def test_sixteen_bits_keep_their_brightness(look):
    _, thumbnail, _ = look(make.sixteen_bit())

    assert near(colour(thumbnail), (128, 128, 128))


def test_what_is_transparent_is_white_in_a_thumbnail_and_stays_so_for_the_web(look):
    _, thumbnail, web = look(make.palette_with_transparency())

    assert colour(thumbnail)[:3] == WHITE
    assert colour(web)[3] == 0


def test_an_animation_is_shown_by_its_first_picture(look):
    measures, thumbnail, _ = look(make.animated("GIF"))

    assert measures["details"]["animated"]
    assert near(colour(thumbnail), RED)


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "1", "LA", "I;16"])
def test_pictures_of_every_mode_are_made_smaller(look, mode):
    measures, thumbnail, web = look(make.picture("PNG", mode, (3000, 1500)))

    assert (measures["width"], measures["height"]) == (3000, 1500)
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (512, 256))
    assert (web.format, web.size) == ("WEBP", (2048, 1024))


def test_a_small_picture_is_not_blown_up(look):
    _, thumbnail, web = look(make.picture("PNG", size=(40, 3)))

    assert thumbnail.size == web.size == (40, 3)


def test_formats_that_run_programs_are_no_images(look):
    with pytest.raises(NotDecodable, match="not the image"):
        look(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")


def test_a_blurhash_tells_the_colours():
    flat = blurhash(Image.new("RGB", (300, 200), "white"))
    half = Image.new("RGB", (200, 300), "white")
    half.paste("black", (0, 0, 100, 300))

    assert flat[:6] == "L0" + "TSUA"  # four by three, no contrast, and white
    assert len(blurhash(half)) == len(flat) == 28
    assert blurhash(half)[0] == "T"  # three by four
    assert blurhash(half)[2:6] != flat[2:6]


@pytest.fixture
def watch(tmp_path):
    """What becomes of a video: its measures, its thumbnail, its preview."""

    def at(content):
        source = tmp_path / "source"
        source.write_bytes(content)
        measures = films.look(source, tmp_path)
        return measures, opened(tmp_path / "thumbnail"), opened(tmp_path / "preview")

    return at


def test_a_video_that_begins_black_is_shown_by_what_comes_after(watch):
    lit_late = "color=black:d=3:s=160x120:r=10,drawbox=enable='gte(t,2.5)':color=red:t=fill"
    _, thumbnail, preview = watch(make.film("mp4", *make.H264, source=lit_late))

    assert near(colour(thumbnail), (254, 0, 0))
    assert near(colour(preview), (254, 0, 0))


def test_a_video_that_is_black_throughout_is_shown_so(watch):
    _, thumbnail, _ = watch(make.film("mp4", *make.H264, source="color=black:d=1:s=160x120:r=5"))

    assert near(colour(thumbnail), (0, 0, 0))


def test_a_preview_lasts_three_seconds_at_most(watch, tmp_path):
    measures, _, preview = watch(make.film("mp4", *make.H264, source="testsrc2=d=9:s=640x360:r=10"))

    assert measures["duration"] == pytest.approx(9, abs=0.1)
    assert preview.size == (320, 180)
    assert 2000 <= lasts(tmp_path / "preview") <= 3100


def test_a_video_that_was_turned_is_measured_as_it_is_looked_at(watch, tmp_path):
    lying = tmp_path / "lying.mp4"
    lying.write_bytes(make.film("mp4", *make.H264))
    turned = make.ffmpeg("mp4", "-display_rotation", "90", "-i", str(lying), "-c", "copy")

    measures, thumbnail, _ = watch(turned)

    assert (measures["width"], measures["height"]) == thumbnail.size == (120, 160)


def test_what_a_film_shows_through_is_white(watch):
    clear = f"{make.CLIP},format=yuva420p,geq=lum='lum(X,Y)':a='if(lt(X,80),0,255)'"
    keeps = (*make.VP9, "-pix_fmt", "yuva420p", "-auto-alt-ref", "0")

    _, thumbnail, _ = watch(make.film("webm", *keeps, source=clear))

    assert near(colour(thumbnail, LEFT), WHITE)
    assert not near(colour(thumbnail, RIGHT), WHITE)


def test_a_file_that_does_not_tell_its_duration_is_walked_through(watch):
    live = make.film("webm", "-c:v", "libvpx", "-deadline", "realtime", "-live", "1")

    assert watch(live)[0]["duration"] == pytest.approx(0.4, abs=0.15)


def test_a_playlist_of_other_files_is_never_opened(watch, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(make.film("mp4", *make.H264))

    with pytest.raises(NotDecodable):
        watch(b"ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(NotDecodable):
        watch(f"#EXTM3U\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n".encode())

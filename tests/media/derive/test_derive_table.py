"""A table of files, and what becomes of each: its type, its name, what is derived, or why not."""

from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from tests.media import crafted as make

PICTURE = {"thumbnail", "web"}
FILM = {"thumbnail", "preview"}
SOUND = {"waveform"}
PLAIN = "application/octet-stream"
ENDS_EARLY = "it ends too early"
TOO_LARGE = "it has more than 100 million pixels"
NO_STREAMS = "it holds neither pictures nor sound that can be read"


@dataclass(frozen=True)
class Case:
    """A file as it is served, and what is expected of it."""

    what: str
    content: bytes
    declared: str
    type: str
    extension: str
    roles: set[str] = field(default_factory=set)
    size: tuple[int, int] | None = None
    seconds: float | None = None
    details: dict = field(default_factory=dict)
    error: str | None = None


def image(what, content, type_, extension, size=(300, 200), *, declared=PLAIN, **details):
    return Case(what, content, declared, type_, extension, PICTURE, size, None, details)


def film(what, content, type_, extension, *, size=(160, 120), seconds=0.4, roles=FILM, **details):
    return Case(what, content, PLAIN, type_, extension, roles, size, seconds, details)


def sound(what, content, type_, extension, *, channels=1, declared=PLAIN, **details):
    told = {"channels": channels, **details}
    return Case(what, content, declared, type_, extension, SOUND, None, 1.0, told)


def plain(what, content, type_, extension, *, declared=PLAIN):
    return Case(what, content, declared, type_, extension)


def broken(what, content, type_, extension, error):
    return Case(what, content, type_, type_, extension, error=error)


def cases():
    h264 = make.film("mp4", *make.H264)
    early_index = make.film("mp4", *make.H264, "-movflags", "+faststart")
    jpeg = make.turned(1)
    png = make.picture("PNG")
    every_way = [make.turned(orientation) for orientation in range(1, 9)]
    black_first = "color=black:d=1.5:s=160x120:r=10,drawbox=enable='gte(t,1)':color=orange:t=fill"
    alpha = f"{make.CLIP},format=yuva420p,geq=lum='lum(X,Y)':a='if(lt(X,80),0,255)'"
    keeps_alpha = (*make.VP9, "-pix_fmt", "yuva420p", "-auto-alt-ref", "0")
    sizes = ((300, 200), (200, 300))
    no_image = "it is not the image that it begins as"
    no_picture = "it holds no picture that can be decoded"
    no_frame = make.film("mp4", *make.H264, "-frames:v", "0")
    late = make.film("mp4", *make.H264, source=black_first)
    return [
        image("png", png, "image/png", "png"),
        *(
            image(f"jpeg turned {n}", content, "image/jpeg", "jpg", sizes[n > 4])
            for n, content in enumerate(every_way, 1)
        ),
        image("cmyk jpeg", make.cmyk(), "image/jpeg", "jpg"),
        image("16 bits", make.sixteen_bit(), "image/png", "png"),
        image("with a profile", make.with_profile(), "image/png", "png"),
        image("palette", make.palette_with_transparency(), "image/png", "png"),
        image("gif", make.animated("GIF"), "image/gif", "gif", (120, 80), animated=True),
        image("webp", make.animated("WEBP"), "image/webp", "webp", (120, 80), animated=True),
        image("avif", make.picture("AVIF"), "image/avif", "avif"),
        image("tiff", make.picture("TIFF"), "image/tiff", "tif"),
        image("float tiff", make.picture("TIFF", "F", colour=0.5), "image/tiff", "tif"),
        image("bmp", make.picture("BMP"), "image/bmp", "bmp"),
        image("ico", make.picture("ICO", size=(32, 32)), "image/x-icon", "ico", (32, 32)),
        image("a lie", png, "image/png", "png", declared="video/mp4"),
        image("large", make.flat_png(5000, 4000), "image/png", "png", (5000, 4000)),
        film("h264", h264, "video/mp4", "mp4", codec="h264", fps=10.0),
        film("hevc", make.film("mp4", *make.HEVC), "video/mp4", "mp4", codec="hevc"),
        film("vp9", make.film("webm", *make.VP9), "video/webm", "webm", codec="vp9"),
        film("alpha", make.film("webm", *keeps_alpha, source=alpha), "video/webm", "webm"),
        film("mov", make.film("mov", *make.H264), "video/quicktime", "mov", codec="h264"),
        film("mkv", make.film("mkv", *make.H264), "video/x-matroska", "mkv", codec="h264"),
        film("black first", late, "video/mp4", "mp4", seconds=1.5),
        film(
            *("sound alone in mp4", make.sound("mp4"), "video/mp4", "mp4"),
            size=None,
            seconds=1.0,
            roles=SOUND,
            codec="aac",
        ),
        sound("mp3", make.sound("mp3"), "audio/mpeg", "mp3", codec="mp3", sample_rate=44100),
        sound("wav", make.sound("wav", "-ac", "2"), "audio/wav", "wav", channels=2),
        sound("flac", make.sound("flac", "-ac", "6"), "audio/flac", "flac", channels=6),
        sound("opus", make.sound("ogg", "-c:a", "libopus"), "audio/ogg", "ogg", codec="opus"),
        sound("m4a", make.sound("m4a"), "audio/mp4", "m4a", declared="video/mp4"),
        plain("svg", make.SVG, "image/svg+xml", "svg", declared="image/png"),
        plain("page", make.HTML, "text/html", "html", declared="image/png"),
        plain("glb", make.glb(), "model/gltf-binary", "glb"),
        plain("zip bomb", make.zip_bomb(), "application/zip", "zip", declared="image/png"),
        plain("pdf", b"%PDF-1.4\n%%EOF", "application/pdf", "pdf"),
        plain("json", b'{"a": [1]}', "application/json", "json"),
        plain("csv", b"a,b\n1,2\n", "text/csv", "csv", declared="text/csv"),
        plain("text", b"hello", "text/plain", "txt"),
        plain("weights", make.safetensors(), PLAIN, "safetensors"),
        plain("nothing", b"", PLAIN, "bin", declared="image/png"),
        plain("nothing said", b"", "text/plain", "txt", declared="text/plain"),
        broken("cut jpeg", jpeg[: len(jpeg) // 2], "image/jpeg", "jpg", ENDS_EARLY),
        broken("cut png", make.flat_png(400, 400)[:80], "image/png", "png", ENDS_EARLY),
        broken("cut mp4", h264[: len(h264) // 2], "video/mp4", "mp4", NO_STREAMS),
        broken("cut in its index", h264[:-200], "video/mp4", "mp4", no_picture),
        film("cut after its index", early_index[:-200], "video/mp4", "mp4", codec="h264"),
        broken("no frame", no_frame, "video/mp4", "mp4", NO_STREAMS),
        broken("png in its first bytes", png[:8] + b"?", "image/png", "png", no_image),
        broken("png bomb", make.flat_png(30000, 30000), "image/png", "png", TOO_LARGE),
        broken("gif bomb", make.huge_gif(), "image/gif", "gif", TOO_LARGE),
        broken("webp bomb", make.huge_webp(), "image/webp", "webp", TOO_LARGE),
    ]


def content(services, key):
    return b"".join(services.bucket.chunks(key))


def test_every_kind_of_file_ends_as_it_should(services, server, storing, media, read_job):
    files = cases()
    urls = [server.add(f"{n}.dat", c.declared, c.content) for n, c in enumerate(files)]
    job_id = storing("emulator/echo", input={"value": urls})
    services.storer.store(job_id)

    services.deriver.derive(job_id)

    job, rows = read_job(job_id), media(job_id)
    assert (job.status, job.derive_due_at) == ("succeeded", None)
    assert job.record_due_at is not None
    originals = [row for row in rows if row.role == "original"]
    assert len(originals) == len(files) > 40
    for case, row in zip(files, originals, strict=True):
        expect(case, row, {item.role: item for item in rows if item.index == row.index}, services)
    [warning] = job.warnings
    failed = [row.name for row, case in zip(originals, files, strict=True) if case.error]
    assert all(f"{name}: it " in warning for name in failed)


def expect(case, row, by_role, services):
    what = case.what
    number = f"{row.index + 1:03d}"
    assert (what, row.content_type) == (what, case.type)
    assert (what, row.name) == (what, f"original-{number}.{case.extension}")
    assert (what, row.sha256) == (what, sha256(case.content).hexdigest())
    assert (what, content(services, row.key)) == (what, case.content)
    assert (what, row.derive_error) == (what, case.error)
    assert (what, set(by_role) - {"original", "output"}) == (what, case.roles)
    if not case.roles:
        assert (what, row.width, row.duration, row.details) == (what, None, None, None)
        return
    size = (row.width, row.height)
    assert (what, size) == (what, case.size or (None, None))
    assert (what, row.details) == (what, {**row.details, **case.details})
    if case.seconds:
        assert (what, row.duration) == (what, pytest.approx(case.seconds, abs=0.1))
    assert (what, "blurhash" in row.details) == (what, "thumbnail" in by_role)
    for role, item in by_role.items():
        if role in case.roles:
            assert item.name.startswith(role), what
            assert item.content_type.startswith("image/"), what
            assert content(services, item.key), what

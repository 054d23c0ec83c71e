"""The decoder: bounded, replaced when it is lost, gone with its parent."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fixative.errors import NotDecodable
from fixative.media.decoding.process import Decoder, Limits
from tests.media import crafted as make
from tests.processes import family


@pytest.fixture
def decoder_of():
    made = []

    def of(**limits):
        made.append(Decoder(Limits(**limits)))
        return made[-1]

    yield of
    for decoder in made:
        decoder.close()


@pytest.fixture
def file(tmp_path):
    """A source and a folder for what is made of it."""

    def of(content):
        source, folder = tmp_path / "source", tmp_path / "made"
        source.write_bytes(content)
        folder.mkdir(exist_ok=True)
        return source, folder

    return of


def running(pid):
    """Whether the process does anything any more: nobody may have waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def at_work(pid):
    """The decoder's ffmpeg, once it has one."""
    return pid is not None and [child for child in family(pid)[1:] if running(child)]


def test_one_process_decodes_many_files(decoder_of, file):
    decoder = decoder_of()

    decoder.decode("image", *file(make.turned(1)))
    first = decoder.pid
    decoder.decode("image", *file(make.turned(2)))

    assert decoder.pid == first


def test_a_file_that_is_no_image_costs_its_decoder_nothing(decoder_of, file):
    decoder = decoder_of()
    decoder.decode("image", *file(make.turned(1)))
    first = decoder.pid

    with pytest.raises(NotDecodable):
        decoder.decode("image", *file(b"no image"))

    assert decoder.pid == first


def test_another_takes_over_after_its_share_of_files(decoder_of, file):
    decoder = decoder_of(files=1)

    decoder.decode("image", *file(make.turned(1)))
    first = decoder.pid
    decoder.decode("image", *file(make.turned(2)))

    assert decoder.pid != first
    assert not running(first)


def test_a_file_that_takes_too_much_memory_is_given_up(decoder_of, file):
    decoder = decoder_of(memory=400 * 2**20)

    with pytest.raises(NotDecodable, match="more memory than is allowed"):
        decoder.decode("image", *file(make.flat_png(9900, 9900, depth=8, colour=6)))

    assert decoder.decode("image", *file(make.turned(1)))["width"] == 300


def test_a_file_that_takes_too_long_is_given_up_with_all_that_worked_on_it(decoder_of, file):
    decoder = decoder_of(seconds=0.3)

    with ThreadPoolExecutor(1) as pool, pytest.raises(NotDecodable, match=r"more than 0\.3 s"):
        pool.submit(decoder.decode, "audio", *file(make.endless_sound())).result()

    assert decoder.pid is None


def test_a_decoder_that_is_killed_costs_its_file_a_second_try(decoder_of, file, eventually):
    decoder = decoder_of()
    with ThreadPoolExecutor(1) as pool:
        decoding = pool.submit(decoder.decode, "audio", *file(make.endless_sound()))
        [ffmpeg] = eventually(lambda: at_work(decoder.pid))
        killed = decoder.pid
        os.kill(killed, signal.SIGKILL)

        measures = decoding.result()

    assert measures["duration"] > 6 * 3600
    assert not running(killed)
    assert not running(ffmpeg)


def test_a_file_that_two_decoders_die_of_is_given_up(decoder_of, file, eventually):
    decoder = decoder_of()
    with ThreadPoolExecutor(1) as pool:
        decoding = pool.submit(decoder.decode, "audio", *file(make.endless_sound()))
        eventually(lambda: at_work(decoder.pid))
        first = decoder.pid
        os.kill(first, signal.SIGKILL)
        eventually(lambda: decoder.pid not in (first, None) and at_work(decoder.pid))
        os.kill(decoder.pid, signal.SIGKILL)

        with pytest.raises(NotDecodable, match="dies of it"):
            decoding.result()

    assert decoder.decode("image", *file(make.turned(1)))["width"] == 300


def test_an_answer_that_nobody_waited_for_is_not_taken_for_another(decoder_of, file):
    class Enough(Exception):
        pass

    def stop(*_):
        raise Enough

    decoder = decoder_of()
    decoder.decode("image", *file(make.turned(1)))
    sound = file(make.endless_sound())
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.2)  # the sound alone takes seconds
    try:
        with pytest.raises(Enough):
            decoder.decode("audio", *sound)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert decoder.decode("image", *file(make.turned(1)))["width"] == 300


DECODES = """
import sys
from pathlib import Path
from fixative.media.decoding.process import Decoder
decoder = Decoder()
decoder.decode("image", Path(sys.argv[1]), Path(sys.argv[3]))
print(decoder.pid, flush=True)
decoder.decode("audio", Path(sys.argv[2]), Path(sys.argv[3]))
"""


def test_a_decoder_dies_with_its_parent_and_takes_its_ffmpeg_along(file, tmp_path, eventually):
    sound = tmp_path / "sound"
    sound.write_bytes(make.endless_sound())
    source, folder = file(make.turned(1))
    command = [sys.executable, "-c", DECODES, source, sound, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        decoder = int(parent.stdout.readline())
        [ffmpeg] = eventually(lambda: at_work(decoder))
        parent.kill()

    eventually(lambda: not running(decoder) and not running(ffmpeg))


def test_the_decoder_knows_no_secret(decoder_of, file, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    decoder = decoder_of()

    decoder.decode("image", *file(make.turned(1)))

    assert b"a secret" not in Path(f"/proc/{decoder.pid}/environ").read_bytes()

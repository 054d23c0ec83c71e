from xml.etree import ElementTree as ET

from bench.harness import Comparison, Measure
from bench.plot import BETTER, EVEN, WORSE, svg

SVG = "{http://www.w3.org/2000/svg}"
RATE, COST = Measure("rate", "1/s", "higher"), Measure("a < b", "ms", "lower")


def drawn(measure, ours, peer):
    samples = {
        "ours": [{measure.name: figure} for figure in ours],
        "peer": [{measure.name: figure} for figure in peer],
    }
    return ET.fromstring(svg("bench", Comparison([measure], samples)))


def colours(picture):
    return [bar.get("fill") for bar in picture.iter(f"{SVG}rect")][1:]  # the first is the paper


def test_a_bar_is_green_where_ours_is_better_in_every_round():
    assert colours(drawn(RATE, [4, 5], [2, 2])) == [BETTER]
    assert colours(drawn(COST, [4, 5], [2, 2])) == [WORSE]


def test_a_bar_is_grey_where_the_rounds_do_not_agree():
    assert colours(drawn(COST, [1, 3], [2, 2])) == [EVEN]


def test_a_measure_that_the_peer_lacks_has_no_bar():
    assert colours(drawn(COST, [1, 3], [0, 0])) == []


def test_the_whisker_reaches_over_all_rounds():
    picture = drawn(RATE, [0.1, 100, 1], [1, 1, 1])
    [whisker] = [line for line in picture.iter(f"{SVG}line") if line.get("class") == "whisker"]
    assert float(whisker.get("x1")) < float(whisker.get("x2"))

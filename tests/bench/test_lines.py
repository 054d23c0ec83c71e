from xml.etree import ElementTree as ET

from bench.lines import Panel, lines_svg

SVG = "{http://www.w3.org/2000/svg}"
RISING = [(0.0, 0.0), (30.0, 5.0), (60.0, 10.0)]


def drawn(*panels, events=()):
    return ET.fromstring(lines_svg("a < b", panels, seconds=60, events=events))


def points(line):
    return [tuple(map(float, point.split(","))) for point in line.get("points").split()]


def test_each_series_is_a_line_over_the_whole_time():
    picture = drawn(Panel("memory", {"api": RISING, "beat": RISING[:2]}), Panel("files", {}))

    api, beat = map(points, picture.iter(f"{SVG}polyline"))
    assert (len(api), len(beat)) == (3, 2)
    assert api[0][0] < api[1][0] < api[2][0]
    assert api[0][1] > api[1][1] > api[2][1]  # up is less, in a picture


def test_the_largest_figure_is_written_beside_its_line_and_at_the_scale():
    picture = drawn(Panel("memory", {"api": RISING}))

    told = [text.text for text in picture.iter(f"{SVG}text")]
    assert "api 10" in told
    assert {"0", "5", "10"} <= set(told)


def test_an_event_is_marked_in_every_panel():
    picture = drawn(Panel("memory", {}), Panel("files", {}), events=[30.0])

    marks = [line for line in picture.iter(f"{SVG}line") if line.get("class") == "event"]
    assert len(marks) == 2
    assert len({mark.get("x1") for mark in marks}) == 1

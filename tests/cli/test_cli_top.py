"""`fixative top`: the overview in a terminal."""

import json
from datetime import UTC, datetime, timedelta

from api.answer_schemas_overview import EXAMPLE


def test_it_tells_the_last_hour_and_what_is_under_way(fixative, fake_api):
    now = datetime.now(UTC)
    minute = {**EXAMPLE["minutes"][0], "at": now.replace(second=0, microsecond=0).isoformat()}
    told = {
        **EXAMPLE,
        "minutes": [minute],
        "expires_at": (now + timedelta(minutes=12, seconds=1)).isoformat(),
    }
    fake_api.on("GET /overview", told)

    result = fixative("top", "--once")

    assert result.exit_code == 0, result.output
    for shown in ("91.7 %", "2.4 s, p95 6.1 s", "1 by poll, 11 by webhook", "12 min to", "pace"):
        assert shown in result.output
    assert EXAMPLE["stages"][0]["oldest"] in result.output
    assert "█" in result.output


def test_without_jobs_it_says_so_and_programs_get_json(fixative, fake_api):
    nothing = {**EXAMPLE, "minutes": [], "stages": [], "success_rate": None, "told_by": {}}
    fake_api.on("GET /overview", nothing)

    assert "nothing is under way" in fixative("top", "--once").output
    assert json.loads(fixative("top", "--json").output) == nothing

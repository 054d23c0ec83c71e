"""Cards: what a page of many jobs shows of each, read for all of them at once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.orm import Session

from fixative.jobs.store import media_of_each
from fixative.media.view import media_path
from fixative.postgres.media_tables import Media
from fixative.postgres.tables import Job

PROMPTS = text("""
    SELECT id, left(coalesce(input ->> 'prompt', input ->> 'text'), 280)
    FROM jobs WHERE id = ANY(:jobs)
""").bindparams(bindparam("jobs", type_=ARRAY(Uuid)))
# 280 characters of a text that has no picture, of a hundred tokens at most.
BEGINNINGS = text("""
    SELECT job_id, left(CASE json_typeof(prediction -> 'output')
        WHEN 'array' THEN (
            SELECT string_agg(piece, '' ORDER BY place)
            FROM json_array_elements_text(prediction -> 'output')
                WITH ORDINALITY AS pieces (piece, place)
            WHERE place <= 100)
        ELSE prediction ->> 'output' END, 280)
    FROM attempts WHERE id = ANY(:attempts)
""").bindparams(bindparam("attempts", type_=ARRAY(Uuid)))


@dataclass(frozen=True)
class Card:
    """A job, and the paths of what stands for it: a still, what moves or sounds, or a text."""

    job: Job
    prompt: str | None
    still: str | None
    moving: str | None  # shown while it is pointed at
    sound: str | None
    text: str | None
    files: int  # originals


def cards_of(session: Session, jobs: Sequence[Job]) -> list[Card]:
    """A card of each job, in their order."""
    media = media_of_each(session, jobs)
    asked = session.execute(PROMPTS, {"jobs": [job.id for job in jobs]})
    prompts = {job_id: prompt for job_id, prompt in asked}  # noqa: C416 - it says what is what
    texts = _texts(session, [job for job in jobs if not _first(media[job.id], "thumbnail")])
    return [_card(job, media[job.id], prompts[job.id], texts.get(job.id)) for job in jobs]


def _card(job: Job, media: list[Media], prompt: str | None, text: str | None) -> Card:
    originals = [item for item in media if item.role == "original"]
    sounds = [item for item in originals if item.kind == "audio"]
    still = _first(media, "thumbnail") or _first(media, "waveform")
    moving = _first(media, "preview")
    return Card(
        job=job,
        prompt=prompt,
        still=_path(still),
        moving=_path(moving),
        sound=_path(sounds[0] if sounds else None),
        text=None if still else text,
        files=len(originals),
    )


def _first(media: list[Media], role: str) -> Media | None:
    return next((item for item in media if item.role == role), None)


def _path(media: Media | None) -> str | None:
    return None if media is None else media_path(media.job_id, media.name)


def _texts(session: Session, jobs: Sequence[Job]) -> dict[uuid.UUID, str]:
    """The beginnings of the outputs, as Replicate gave them, tokens joined."""
    attempts = [job.attempt_id for job in jobs if job.status == "succeeded" and job.attempt_id]
    found = session.execute(BEGINNINGS, {"attempts": attempts}) if attempts else ()
    return {job_id: text for job_id, text in found if text}

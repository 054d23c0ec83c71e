"""Submitting by a form, which is made of what the model says that it takes."""

import re
import uuid
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from api.addresses import base_url
from api.auth import caller
from api.body import storable
from api.dashboard.faults import Faulty, told_beside
from api.dashboard.gallery import KINDS
from api.dashboard.may import need
from api.dashboard.model_form import Field, fields_of, input_of, readable_input
from api.dashboard.parts import Parts
from api.schemas import Submission
from api.uploads import take_file
from fixative.catalog.entry import Entry
from fixative.catalog.terms import Terms
from fixative.errors import NotFound

OURS = ("label", "priority", "job_type")
ONCE = re.compile("[0-9a-f]{32}")
PRIORITIES = ("normal", "high", "low")


def add(pages: Blueprint, parts: Parts) -> None:
    """Add the page, what it asks for while it is filled in, and its button."""

    @pages.get("/submit")
    def submit() -> str | Response:
        """The models to choose from, or the form of the one that was chosen."""
        need("submit")
        name = request.args.get("model", "").strip()
        if not name:
            return _choice(parts)
        try:
            form = _form(parts, name, request.args)
        except NotFound as error:
            return make_response(_choice(parts, name, str(error)), HTTPStatus.NOT_FOUND)
        return render_template("submit.html", **vars(form), fault=None)

    @pages.post("/submit")
    def submit_form() -> Response:
        """To the page of the job; or the form again, with what is wrong beside its fields."""
        need("submit")
        try:
            job_id = _submit(parts)
        except Faulty as fault:
            form = _form(parts, request.form.get("model", ""), request.form)
            page = render_template("submit.html", **vars(form), fault=fault)
            return make_response(page, fault.status)
        return redirect(url_for("ui.job", job_id=job_id))

    @pages.post("/submit/price")
    def submit_price() -> str:
        """What the job would cost, with what the form holds so far."""
        need("submit")
        form = request.form
        terms = _terms(parts, form.get("model", ""), form)
        return render_template("part_price.html", terms=terms)

    @pages.post("/files")
    def submit_file() -> dict[str, str]:
        """Bring an input file; its address goes into the form."""
        need("submit")
        file = take_file(request, parts.files, caller().owner_id)
        url = base_url(parts.settings) + parts.links.signed(f"/files/{file.id}")
        return {"name": file.name, "url": url}


@dataclass(frozen=True)
class _Form:
    """What the template shows."""

    entry: Entry
    fields: list[Field]
    has_schema: bool
    whole: str  # the input as JSON, where there is no schema
    asked: MultiDict[str, str]
    terms: Terms
    once: str  # the same form sent twice is one job
    kinds: tuple[str, ...] = KINDS
    priorities: tuple[str, ...] = PRIORITIES


def _choice(parts: Parts, asked: str = "", wrong: str = "") -> str:
    entries = parts.submissions.catalog.registry.entries()
    return render_template("submit_choice.html", entries=entries, asked=asked, wrong=wrong)


def _form(parts: Parts, name: str, asked: MultiDict[str, str]) -> _Form:
    entry, live = parts.submissions.catalog.look(name)
    schema = live.input_schema if live else None
    fields = fields_of(schema, entry, asked) if schema else []
    filled_in = MultiDict({field.key: field.value for field in fields})
    return _Form(
        entry=entry,
        fields=fields,
        has_schema=bool(schema),
        whole=asked.get("json.", ""),
        asked=asked,
        terms=_terms(parts, name, filled_in),
        once=uuid.uuid4().hex,
    )


def _terms(parts: Parts, name: str, form: MultiDict[str, str]) -> Terms:
    return parts.submissions.catalog.terms(name, readable_input(form))


def _submit(parts: Parts) -> uuid.UUID:
    """The job of the form. Raises Faulty."""
    form = request.form
    with told_beside():
        given = {name: form[name] for name in OURS if form.get(name)}
        body = {"model": form.get("model", ""), "input": input_of(form), **given}
        asked = Submission.model_validate(storable(body)).request()
        once = form.get("once", "")
        accepted, _ = parts.submissions.take(
            asked, idempotency_key=once if ONCE.fullmatch(once) else None
        )
        return accepted.job.id

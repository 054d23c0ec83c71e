"""What is wrong with a form, by the field that it stands beside."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from pydantic import ValidationError

from api.errors import FieldError, Unprocessable, raise_unprocessable, told_of
from fixative.errors import FixativeError, InvalidInput, InvalidRequest

Place = tuple[str | int, ...]


class Faulty(Exception):
    """A form that was refused: why, at its fields, and of it as a whole."""

    def __init__(self, status: HTTPStatus, at: Mapping[str, str], whole: str = "") -> None:
        super().__init__(whole or "; ".join(at.values()))
        self.status = status
        self.at = at
        self.whole = whole

    def beside(self, *fields: str) -> str:
        """What is said above the form: of it as a whole, and of places that it has no field for."""
        others = [f"{name}: {text}" for name, text in self.at.items() if name not in fields]
        return "; ".join(filter(None, [self.whole, *others]))


@contextmanager
def told_beside() -> Iterator[None]:
    """Raise as Faulty whatever the core, or a schema, says of what was asked for."""
    try:
        yield
    except ValidationError as error:
        try:
            raise_unprocessable(error)
        except Unprocessable as told:
            raise _faulty(told.errors) from error
    except Unprocessable as error:
        raise _faulty(error.errors) from error
    except InvalidInput as error:
        raise _faulty([FieldError(**vars(misfit)) for misfit in error.misfits]) from error
    except InvalidRequest as error:
        raise _faulty([FieldError((error.field,), str(error), "invalid")]) from error
    except FixativeError as error:
        status, detail = told_of(error)
        raise Faulty(status, {}, detail) from error


def _faulty(errors: Sequence[FieldError]) -> Faulty:
    at: dict[str, str] = {}
    for error in errors:
        name, said = _place(error.loc), error.msg
        at[name] = f"{at[name]}; {said}" if name in at else said
    return Faulty(HTTPStatus.UNPROCESSABLE_ENTITY, at)


def _place(loc: Place) -> str:
    """The field that a place lies in: of a model's input, the name that the model has for it."""
    inner = loc[1:] if loc and loc[0] == "input" and len(loc) > 1 else loc
    return str(inner[0]).removeprefix("input.") if inner else "form"

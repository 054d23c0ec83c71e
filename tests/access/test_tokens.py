"""Tokens: whose are believed, and what becomes of them while their issuer is away."""

import pytest

from fixative.access.signing_keys import SigningKeys
from fixative.access.tokens import Tokens
from fixative.errors import SigningKeysAway, TokenRefused, WrongSetting
from fixative.settings import load_settings
from tests.access.issuer import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def issuer():
    made = Issuer()
    yield made
    made.close()


class Clock:
    """Stands still until it is told otherwise."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens(issuer, clock):
    return Tokens(
        SigningKeys(issuer.url, clock=clock),
        audience=AUDIENCE,
        issuer=ISSUER,
        owner_claim="sub",
        scope_claim="scope",
    )


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_each_of_the_issuers_keys_signs_in_its_own_way(tokens, issuer, alg):
    key, kid = {
        "RS256": (issuer.rsa, "rsa"),
        "ES256": (issuer.ec, "ec"),
        "EdDSA": (issuer.ed, "ed"),
    }[alg]

    claims = tokens.read(issuer.token(alg=alg, key=key, kid=kid))

    assert (claims.owner, claims.scopes) == ("gallery", {"read", "submit"})


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("read", {"read"}),
        ("openid read  admin", {"read", "admin"}),
        (["media", "cancel", 1], {"media", "cancel"}),
        (None, set()),
        ("", set()),
        ({"read": True}, set()),
        (7, set()),
    ],
)
def test_only_what_is_claimed_is_granted(tokens, issuer, scope, granted):
    assert tokens.read(issuer.token(scope=scope)).scopes == granted


@pytest.mark.parametrize("owner", ["auth0|5f7c", "system:serviceaccount:shop:web", "a@b.example"])
def test_an_owner_may_be_named_as_issuers_name_them(tokens, issuer, owner):
    assert tokens.read(issuer.token(sub=owner)).owner == owner


@pytest.mark.parametrize("owner", ["", "a b", "x" * 65, "a\n", "../a"], ids=repr)
def test_an_owner_who_could_not_be_named_elsewhere_is_refused(tokens, issuer, owner):
    with pytest.raises(TokenRefused):
        tokens.read(issuer.token(sub=owner))


def test_the_issuers_clock_may_be_a_little_off(tokens, issuer):
    assert tokens.read(issuer.token(exp=-3, nbf=3)).owner == "gallery"


def test_the_issuer_is_asked_once_for_many_tokens(tokens, issuer):
    for _ in range(3):
        tokens.read(issuer.token())

    assert issuer.asked == 1


def test_a_key_that_is_not_known_is_asked_for_at_most_every_ten_seconds(tokens, issuer, clock):
    for number in range(5):
        with pytest.raises(TokenRefused):
            tokens.read(issuer.token(kid=f"unknown-{number}"))
    assert issuer.asked == 1
    issuer.shown.append({**issuer.shown[0], "kid": "new"})
    clock.now += 11

    assert tokens.read(issuer.token(kid="new")).owner == "gallery"
    assert issuer.asked == 2


def test_a_key_that_the_issuer_no_longer_shows_ends_within_five_minutes(tokens, issuer, clock):
    tokens.read(issuer.token())
    issuer.shown = issuer.shown[1:]
    clock.now += 301

    with pytest.raises(TokenRefused):
        tokens.read(issuer.token())


def test_while_the_issuer_is_away_known_keys_go_on_and_of_unknown_ones_nothing_is_said(
    tokens, issuer, clock
):
    tokens.read(issuer.token())
    issuer.away = True
    clock.now += 301

    assert tokens.read(issuer.token()).owner == "gallery"
    for _ in range(3):
        with pytest.raises(SigningKeysAway):
            tokens.read(issuer.token(kid="unknown"))
    assert issuer.asked == 2
    issuer.away = False
    clock.now += 11
    with pytest.raises(TokenRefused):
        tokens.read(issuer.token(kid="unknown"))


@pytest.mark.parametrize("shown", [[], [{"kty": "oct", "k": "eA"}], "keys", [1], None], ids=str)
def test_an_issuer_that_shows_no_usable_key_is_as_good_as_away(tokens, issuer, shown):
    issuer.shown = shown

    with pytest.raises((SigningKeysAway, TokenRefused)):
        tokens.read(issuer.token())


def test_an_issuer_needs_the_audience_that_its_tokens_are_for():
    needed = {
        "DATABASE_URL": "postgresql://localhost/none",
        "REDIS_URL": "redis://localhost",
        "S3_BUCKET": "none",
        "REPLICATE_API_TOKEN": "r8_test",
        "FIXATIVE_ADMIN_KEY": "fx_admin_key_of_the_tests",
        "FIXATIVE_DATA_DIR": "/nonexistent",
        "FIXATIVE_JWT_JWKS_URL": "https://issuer.example/jwks",
    }

    with pytest.raises(WrongSetting, match="FIXATIVE_JWT_AUDIENCE"):
        load_settings(needed)
    assert Tokens.of(load_settings({**needed, "FIXATIVE_JWT_AUDIENCE": "fixative"}))

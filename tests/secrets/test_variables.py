"""A variable gives its value, or says where it lies."""

import pytest

from fixative.errors import WrongSetting
from fixative.settings import load_settings
from fixative.variables import read_variable
from tests.api.upstream import Reply, upstream_server

pytestmark = pytest.mark.wide

NAME = "REPLICATE_API_TOKEN"


def test_a_value_is_itself_a_file_is_read_and_nothing_is_nothing(file):
    file.write_text(" r8_from_the_file\n")

    assert read_variable({NAME: "r8_itself", f"{NAME}_FILE": str(file)}, NAME) == "r8_itself"
    assert read_variable({NAME: "", f"{NAME}_FILE": str(file)}, NAME) == "r8_from_the_file"
    assert read_variable({NAME: ""}, NAME) is None


def test_a_secret_of_secrets_manager_is_found_by_name_by_arn_and_by_its_member(aws):
    arn = aws.put_secret("whole", "r8_of_aws")
    elsewhere = aws.put_secret("of/frankfurt", "r8_of_frankfurt", region="eu-central-1")
    aws.put_secret("many", '{"token": "r8_one_of_many", "port": 5432}')

    def found(place):
        return read_variable({NAME: f"aws-secretsmanager:{place}"}, NAME)

    assert found("whole") == found(arn) == "r8_of_aws"
    assert found(elsewhere) == "r8_of_frankfurt"
    assert found("many#token") == "r8_one_of_many"


def test_a_name_is_looked_for_in_the_region_that_is_set(aws):
    aws.put_secret("in-ireland", "r8_of_ireland", region="eu-west-1")
    told = {NAME: "aws-secretsmanager:in-ireland"}

    assert read_variable({**told, "AWS_REGION": "eu-west-1"}, NAME) == "r8_of_ireland"
    with pytest.raises(WrongSetting):
        read_variable(told, NAME)


def test_a_parameter_is_decrypted(aws):
    aws.put_parameter("/fixative/token", "r8_of_a_parameter")

    assert read_variable({NAME: "aws-ssm:/fixative/token"}, NAME) == "r8_of_a_parameter"


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("aws-secretsmanager:nowhere", "aws-secretsmanager: ResourceNotFoundException"),
        ("aws-ssm:/nowhere", "aws-ssm: ParameterNotFound"),
        ("aws-secretsmanager:plain#token", "no JSON object with 'token'"),
        ("aws-secretsmanager:listed#token", "no JSON object with 'token'"),
        ("aws-secretsmanager:json#other", "no JSON object with 'other'"),
        ("aws-secretsmanager:json#number", "nothing that is text"),
        ("aws-secretsmanager:bytes", "nothing that is text"),
    ],
)
def test_what_does_not_lie_there_is_wrong_by_its_name_and_without_its_value(aws, reference, why):
    aws.put_secret("plain", "nobody-may-read")
    aws.put_secret("listed", '["nobody-may-read"]')
    aws.put_secret("json", '{"token": "nobody-may-read", "number": 5}')
    aws.put_secret("bytes", b"nobody-may-read")

    with pytest.raises(WrongSetting) as wrong:
        read_variable({NAME: reference}, NAME)

    assert str(wrong.value).startswith(f"{NAME}: ")
    assert why in str(wrong.value)
    assert "nobody-may-read" not in str(wrong.value)


def test_a_store_that_is_away_is_wrong_by_the_variables_name(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:1")

    with pytest.raises(WrongSetting, match=f"^{NAME}: aws-ssm: EndpointConnectionError$"):
        read_variable({NAME: "aws-ssm:/fixative/token"}, NAME)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_wrong_by_the_variables_name(file, content):
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(WrongSetting, match=f"^{NAME}_FILE: "):
        read_variable({f"{NAME}_FILE": str(file)}, NAME)


def test_any_setting_may_lie_at_aws(aws, environ):
    aws.put_secret("bucket", "a-bucket")
    aws.put_parameter("/fixative/polls", "7")
    aws.put_parameter("/fixative/admin", "sixteen characters")

    settings = load_settings(
        {
            **environ,
            "S3_BUCKET": "aws-secretsmanager:bucket",
            "FIXATIVE_POLL_SECONDS": "aws-ssm:/fixative/polls",
            "FIXATIVE_ADMIN_KEY": "aws-ssm:/fixative/admin",
        }
    )

    assert settings.s3_bucket == "a-bucket"
    assert settings.fixative_poll_seconds == 7
    assert settings.fixative_admin_key.get_secret_value() == "sixteen characters"


def test_a_wrong_value_from_aws_is_named_and_not_shown(aws, environ):
    aws.put_parameter("/fixative/short", "too-short")

    with pytest.raises(WrongSetting) as wrong:
        load_settings({**environ, "FIXATIVE_ADMIN_KEY": "aws-ssm:/fixative/short"})

    assert str(wrong.value).startswith("FIXATIVE_ADMIN_KEY: ")
    assert "too-short" not in str(wrong.value)


def test_a_profile_opens_the_stores_where_the_keys_are_those_of_another_s3(aws, file, monkeypatch):
    file.write_text(
        "[for-secrets]\naws_access_key_id = ofTheProfile\naws_secret_access_key = any\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    with upstream_server() as server:
        server.reply = Reply({"Parameter": {"Value": "r8_of_a_parameter"}})
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", server.origin)

        read_variable({NAME: "aws-ssm:/token"}, NAME)
        monkeypatch.setenv("AWS_PROFILE", "for-secrets")
        read_variable({NAME: "aws-ssm:/token"}, NAME)

        signed = [received.headers["Authorization"] for received in server.received]
    assert [of.partition("Credential=")[2].split("/")[0] for of in signed] == [
        "any",
        "ofTheProfile",
    ]

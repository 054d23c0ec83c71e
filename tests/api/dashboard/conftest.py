"""The pages, asked for as a browser does, but for what it draws."""

import re

import pytest

TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


class Browser:
    """A client with a session."""

    def __init__(self, client):
        self.client = client

    def sign_in(self, key, **query):
        return self.client.post("/ui/login", data={"key": key}, query_string=query)

    def get(self, path, **more):
        return self.client.get(path, **more)

    @property
    def form_token(self):
        return TOKEN.search(self.get("/ui/").text)[1]

    def post(self, path, **fields):
        """Send a form of a page."""
        return self.client.post(path, data={"form_token": self.form_token, **fields})


@pytest.fixture
def browser_of(app, new_key):
    """A browser that is signed in with a key: of this owner, with these scopes."""

    def made(owner="tests", *scopes):
        browser = Browser(app.test_client())
        assert browser.sign_in(new_key(owner, *scopes)).status_code == 302
        return browser

    return made


@pytest.fixture
def browser(browser_of):
    return browser_of()

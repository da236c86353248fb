"""``apigauge comment`` against servers that keep comments as GitHub and GitLab do."""

import json

import pytest
from forge_server import GitHub, GitLab, Reply

from apigauge.__main__ import main
from apigauge.harness.gate.render import mark, markdown

TOKEN = "gh_s3cret-token"
BOT = "github-actions[bot]"


@pytest.fixture(params=[GitHub, GitLab])
def forge(request, tmp_path, monkeypatch):
    """Each of the two servers, with the environment variables of a job."""
    server = request.param()
    server.tokens[TOKEN] = (BOT, True)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    is_github = request.param is GitHub
    environment = server.environment(event) if is_github else server.environment()
    for name, value in (environment | {"GITHUB_TOKEN" if is_github else "GITLAB_TOKEN": TOKEN}).items():
        monkeypatch.setenv(name, value)
    yield server
    server.close()


@pytest.fixture
def comment(tmp_path, capsys):
    """Writes a text of the gate as a comment; returns the exit code and all output."""

    def run(text, *options):
        file = tmp_path / "gate.md"
        file.write_text(text, encoding="utf-8")
        code = main(["comment", str(file), *options])
        captured = capsys.readouterr()
        assert TOKEN not in captured.out + captured.err
        return code, captured.out + captured.err

    return run


def text(title="mini", error="all is well"):
    return markdown(title, "broken", [], error)


def test_one_comment_for_each_title_is_created_and_from_then_on_updated(forge, comment):
    forge.say("ann", "what does the gate say?")
    assert comment(text(error="one")) == (0, "created comment 1001\n")
    assert comment(text("other", "two")) == (0, "created comment 1002\n")
    code, output = comment(text(error="three"), "--json")
    assert (code, json.loads(output)) == (0, {"comment": 1001, "created": False})
    first, mine, other = forge.bodies()
    assert first == "what does the gate say?"
    assert "one" not in mine
    assert mine.startswith(text(error="three"))
    assert other.startswith(text("other", "two"))


def test_a_comment_links_to_the_job(forge, comment):
    comment(text())
    job = "https://github.example/o/r/actions/runs/99"
    link = job if isinstance(forge, GitHub) else "https://gitlab.example/o/r/-/jobs/99"
    assert forge.bodies()[0].endswith(f"\n[The job]({link})\n")


def test_a_comment_is_found_among_hundreds(forge, comment):
    for at in range(150):
        forge.say("ann", f"{at}")
    number = forge.say(BOT, text())
    for at in range(150):
        forge.say("ann", f"{at}")
    assert comment(text(error="new")) == (0, f"updated comment {number}\n")
    assert len(forge.comments) == 301


@pytest.mark.parametrize(
    ("by", "body"),
    [
        ("mallory", text()),
        (None, text()),
        (BOT, f"I quote:\n{text()}"),
        (BOT, f"> {text()}"),
        (BOT, ""),
    ],
)
def test_another_user_s_comment_or_one_that_only_quotes_the_mark_is_left_alone(forge, comment, by, body):
    """Attack: a user writes the gate's first line, and a token with the right to edit overwrites their comment."""
    forge.say(by, body)
    assert comment(text(error="new")) == (0, "created comment 1001\n")
    assert forge.bodies()[0] == body


def test_a_comment_is_found_where_the_forge_changes_line_ends(forge, comment):
    number = forge.say(BOT, text().replace("\n", "\r\n"))
    assert comment(text()) == (0, f"updated comment {number}\n")


def test_a_text_that_is_too_long_is_cut_at_a_line_and_says_so(forge, comment):
    long = text().replace("all is well", "ok\n\n<details><summary>lost</summary>\n\n" + "    torch.é.load: 1\n" * 5000)
    assert comment(f"{long}</details>\n")[0] == 0
    (body,) = forge.bodies()
    assert 65_000 < len(body) <= 65_536
    beginning, end = body.split("\n\n</details>\n\n")
    assert long.startswith(f"{beginning}\n")
    assert end.startswith("The rest is left out")
    assert "[The job](" in end


def test_a_text_that_just_fits_is_not_cut(forge, comment):
    comment(text())
    room = 65_536 - len(forge.bodies()[0])
    whole = text() + "x" * (room - 1) + "\n"
    comment(whole)
    assert forge.bodies()[0].startswith(whole)
    assert len(forge.bodies()[0]) == 65_536
    comment(whole.replace("xx\n", "xxx\n"))
    assert "</details>" not in forge.bodies()[0]
    assert "The rest is left out" in forge.bodies()[0]


def test_a_token_that_may_only_read_is_reported_and_nothing_is_written(forge, comment):
    """Such is the token of a pull request from a fork."""
    forge.tokens[TOKEN] = (BOT, False)
    code, output = comment(text())
    assert code == 4
    assert "HTTP 403" in output
    assert "The token needs" in output
    assert forge.comments == []


def test_an_unknown_token_is_reported(forge, comment):
    forge.tokens.clear()
    code, output = comment(text())
    assert (code, "HTTP 401" in output, "The token needs" in output) == (4, True, True)


@pytest.mark.parametrize("headers", [{"x-ratelimit-remaining": "0"}, {"retry-after": "60"}])
def test_a_rate_limit_is_not_taken_for_a_missing_right(forge, comment, headers):
    forge.react = lambda method, _: Reply(403, {"message": "rate limit exceeded"}, headers) if method == "GET" else None
    code, output = comment(text())
    assert code == 4
    assert "The rate limit is reached" in output
    assert "The token needs" not in output


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(500, "<html>oops</html>"), "HTTP 500"),
        (Reply(200, "<html>log in</html>"), "HTTP 200: no JSON"),
        (Reply(200, {"errors": [{"message": "x"}]}), "not the API's"),
        (Reply(200, ["a"]), "not the API's"),
        (Reply(200, [{"user": "a"}]), "not the API's"),
        (Reply(200, 5), "not the API's"),
        (Reply(302, "", {"Location": "http://127.0.0.1:9/"}), "HTTP 302"),
        (Reply(403, {"message": {"base": [TOKEN, "\x1b[2J"]}}), "'***'"),
        (Reply(422, {"message": "x" * 1000}), "xxx"),
    ],
)
def test_a_response_that_is_not_the_api_s_ends_with_a_message(forge, comment, reply, message):
    forge.react = lambda _method, _path: reply
    code, output = comment(text())
    assert code == 4
    assert message in output
    assert "Traceback" not in output
    assert "\x1b" not in output
    assert output.count("\n") == 1
    assert len(output) < 600


def test_a_next_page_on_another_server_is_not_requested(forge, comment):
    """Attack: the header Link of a response sends the token to another server."""
    other = GitHub()
    link = {"Link": f'<{other.url}/steal>; rel="next"'}
    forge.react = lambda method, path: Reply(200, [], link) if method == "GET" and "page=1" in path[-6:] else None
    assert comment(text())[0] == 0
    assert other.requests == []
    other.close()


def test_an_unreachable_server_is_reported(forge, comment, monkeypatch):
    forge.close()
    code, output = comment(text())
    assert code == 4
    assert "ConnectError" in output
    monkeypatch.setattr(forge, "close", lambda: None)


@pytest.mark.parametrize("content", ["", "# hello\n", "x" + mark("mini"), "<!-- apigauge gate -->\n"])
def test_a_file_that_the_gate_did_not_write_is_refused(forge, comment, content):
    code, output = comment(content)
    assert code == 2
    assert "its first line is not the gate's" in output
    assert forge.requests == []


def test_a_file_that_is_missing_is_refused(forge, tmp_path, capsys):
    assert main(["comment", str(tmp_path / "none.md")]) == 2
    assert "none.md" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["", "  ", "a b", "a\nb", "é"])
def test_a_malformed_token_is_refused_and_not_printed(forge, tmp_path, capsys, monkeypatch, token):
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.setenv(name, token)
    (tmp_path / "gate.md").write_text(text())
    assert main(["comment", str(tmp_path / "gate.md")]) == 2
    output = capsys.readouterr().err
    assert "_TOKEN" in output
    if token.strip():
        assert token not in output
    assert forge.requests == []


@pytest.mark.parametrize("event", ['{"ref": "main"}', '{"pull_request": null}', "[]", "{", None])
@pytest.mark.parametrize("forge", [GitHub], indirect=True)
def test_a_push_is_not_a_pull_request(forge, comment, tmp_path, event):
    if event is None:
        (tmp_path / "event.json").unlink()
    else:
        (tmp_path / "event.json").write_text(event)
    code, output = comment(text())
    assert (code, "is not a pull request" in output, forge.requests) == (2, True, [])


@pytest.mark.parametrize("forge", [GitLab], indirect=True)
def test_a_pipeline_of_a_branch_is_not_a_merge_request(forge, comment, monkeypatch):
    monkeypatch.delenv("CI_MERGE_REQUEST_PROJECT_ID")
    code, output = comment(text())
    assert (code, "not for a merge request" in output, forge.requests) == (2, True, [])


def test_outside_of_both_ci_systems_it_says_to_post_the_file_with_other_tools(comment, monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    code, output = comment(text())
    assert (code, "not a job of GitHub Actions or GitLab CI" in output) == (2, True)

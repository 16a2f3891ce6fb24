"""URLs and forms of templates, as other languages read them: Node (WHATWG) and Go (net/url)."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from functools import cache
from urllib.parse import urlsplit

import pytest
import uritemplate

from tests.making import a_delivery
from webhookd.config.templates.body_tree import body_template
from webhookd.config.templates.live_templates import live_templates
from webhookd.definitions import PLAIN
from webhookd.model import Rendered
from webhookd.rules.templating.bodies import render_body
from webhookd.rules.templating.live_parts import LiveParts
from webhookd.rules.templating.scope import Scope
from webhookd.rules.templating.unfilled import UnfilledError
from webhookd.rules.url_encoding import segment_encoded, without_bare_semicolons

NODE = shutil.which("node")
GO = shutil.which("go")
COUNT = 3_000
URL = "https://api.example.com/v1/{{ properties.v }}/x?a={{ properties.v }}&b=1"
ALPHABET = "ab/\\.%?#@:&=+; ~'\"<>[]{}|^`\x00\t\r\n\x7füß✓\u2028\U0001f600"
READ_IN_NODE = """
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\\n').map(JSON.parse);
const read = ({url, form}) => {
  const u = new URL(url), f = new URLSearchParams(form);
  return {
    host: u.host, segments: u.pathname.split('/').slice(1), a: u.searchParams.get('a'),
    names: [...u.searchParams.keys()], form: [...f.entries()],
  };
};
console.log(JSON.stringify(lines.map(read)));
"""
READ_IN_GO = """
package main

import ("bufio"; "encoding/json"; "fmt"; "net/url"; "os"; "strings")

type Pair struct { Url, Form string }
type Read struct {
	Host     string   `json:"host"`
	Segments []string `json:"segments"`
	A        string   `json:"a"`
	Names    int      `json:"names"`
	Form     string   `json:"form"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	found := []Read{}
	for lines.Scan() {
		pair := Pair{}
		json.Unmarshal(lines.Bytes(), &pair)
		u, err := url.Parse(pair.Url)
		if err != nil { panic(err) }
		query, err := url.ParseQuery(u.RawQuery)
		if err != nil { panic(err) }
		form, err := url.ParseQuery(pair.Form)
		if err != nil { panic(err) }
		segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
		found = append(found, Read{u.Host, segments, query.Get("a"), len(query), form.Get("v")})
	}
	out, _ := json.Marshal(found)
	fmt.Println(string(out))
}
"""


@cache
def made():
    """Return hostile values, each with the URL and the form that it is sent in."""
    dice = random.Random(7)
    live = live_templates(URL, {}, PLAIN)
    form = body_template({"v": "{{ properties.v }}"}, "application/x-www-form-urlencoded", PLAIN)
    parts, found = LiveParts(live, without_bare_semicolons), []
    values = {"." * n for n in (3, 4)} | {"../..", "..\\..", "%2e%2e", "%2F", "a;b", "..;", "+"}
    while len(values) < COUNT:
        values.add("".join(dice.choices(ALPHABET, k=dice.randint(1, 12))))
    for value in sorted(values):
        kept = {"properties.v": json.dumps(value)}
        delivery = a_delivery(rendered=Rendered("GET", None, None, "", (), kept))
        try:
            url = parts.url(parts.scope(delivery), {})
        except UnfilledError:
            assert value in {".", ".."}
            continue
        seen = Scope(
            *("w", "1", "s", "o", "1"),
            delivery.change,
            *({"v": kept["properties.v"]}, {}, frozenset(), delivery.created_at, frozenset()),
        )
        found.append((value, url, render_body(form, seen).content.decode()))
    return found


def as_input():
    return "".join(json.dumps({"url": url, "form": form}) + "\n" for _, url, form in made())


def test_rfc_6570_expands_segments_alike():
    template = uritemplate.URITemplate("{v}")

    for value, *_ in made():
        assert segment_encoded(value) == template.expand(v=value)


@pytest.mark.skipif(NODE is None, reason="NODE IS MISSING: how Node reads URLs is not tested")
def test_node_reads_the_same_host_segments_and_values():
    done = subprocess.run(
        [NODE, "-e", READ_IN_NODE],
        input=as_input(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    for (value, url, _), read in zip(made(), json.loads(done.stdout), strict=True):
        assert read["host"] == "api.example.com"
        assert read["segments"] == ["v1", urlsplit(url).path.split("/")[2], "x"]
        assert (read["a"], read["names"]) == (value, ["a", "b"])
        assert read["form"] == [["v", value]]


@pytest.mark.skipif(GO is None, reason="GO IS MISSING: how Go reads URLs is not tested")
def test_go_reads_the_same_host_segments_and_values(tmp_path):
    (tmp_path / "main.go").write_text(READ_IN_GO)
    done = subprocess.run(
        [GO, "run", str(tmp_path / "main.go")],
        input=as_input(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert done.returncode == 0, done.stderr
    for (value, url, _), read in zip(made(), json.loads(done.stdout), strict=True):
        assert read["host"] == "api.example.com"
        assert read["segments"] == ["v1", urlsplit(url).path.split("/")[2], "x"]
        assert (read["a"], read["names"], read["form"]) == (value, 2, value)

"""Sends calls as programs in Python do, with the standard library alone, and prints what came back as JSON.

Standard input: as send.php has it.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request

answers = []
for call in json.load(sys.stdin)["calls"]:
    body = None if call["body"] is None else call["body"].encode()
    request = urllib.request.Request(call["url"], data=body, method=call["method"])  # noqa: S310 - the test's own address
    for line in call["headers"]:
        name, _, value = line.partition(":")
        request.add_header(name, value.strip())
    if call["user"] is not None:
        request.add_header("Authorization", f"Basic {base64.b64encode(call['user'].encode()).decode()}")
    try:
        response = urllib.request.urlopen(request, timeout=60)  # noqa: S310 - the test's own address
    except urllib.error.HTTPError as refused:
        response = refused
    with response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        answers.append({"status": response.status, "headers": headers, "body": response.read().decode()})
sys.stdout.write(json.dumps(answers))

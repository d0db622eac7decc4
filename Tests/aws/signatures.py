#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write signatures.json: requests of all kinds with the signatures botocore computes for them.

Needs botocore; the tests that read the file do not. Usage: signatures.py > signatures.json
"""

import base64
import datetime
import json
import random
import sys
from urllib.parse import quote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

MODELS = ["anthropic.claude-3-haiku-20240307-v1:0", "us.anthropic.claude-sonnet-4-20250514-v1:0", "amazon.nova-pro-v1:0",
          "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3-3-70b-instruct-v1:0", "plain-model",
          "modèle:1", "模型/版本", "a b+c~d*e", "percent%41:0"]
REGIONS = ["us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1"]
QUERIES = ["", "", "", "b=2&a=1", "a=2&a=1", "flag", "x=%C3%A9&y=a%20b", "list-type=2&prefix=a%2Fb", "a=b=c", "B=1&a=2"]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"


def one(chance):
    seconds = chance.randrange(0, 4102444800)
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: time
    region = chance.choice(REGIONS)
    service = chance.choice(["bedrock", "bedrock", "bedrock-mantle"])
    key = f"AKIDEXAMPLE{chance.randrange(10**6)}"
    secret = "EXAMPLE" + "".join(chance.choices(LETTERS, k=33))
    token = "".join(chance.choices(LETTERS + "=", k=chance.randrange(1, 120))) if chance.random() < 0.5 else None
    path = "/model/" + quote(chance.choice(MODELS), safe="") + chance.choice(["/converse", "/converse-stream", "/invoke"])
    query = chance.choice(QUERIES)
    host = f"bedrock-runtime.{region}.amazonaws.com" + chance.choice(["", "", ":8443"])
    body = chance.choice([b"", b"{}", '{"text":"é模型"}'.encode(), chance.randbytes(chance.randrange(0, 200))])
    headers = {"Content-Type": "application/json"}
    if chance.random() < 0.3:
        headers["X-Amzn-Trace"] = "  two   spaces\t "
    if chance.random() < 0.2:
        headers["Accept"] = "application/vnd.amazon.eventstream"
    request = AWSRequest(method="POST", url=f"https://{host}{path}" + (f"?{query}" if query else ""), data=body,
                         headers=headers)
    botocore.auth.SigV4Auth(Credentials(key, secret, token), service, region).add_auth(request)
    return {"at": seconds, "region": region, "service": service, "key": key, "secret": secret, "token": token,
            "host": host, "path": path, "query": query, "headers": headers, "body": base64.b64encode(body).decode(),
            "date": request.headers["X-Amz-Date"], "authorization": request.headers["Authorization"]}


def main():
    chance = random.Random(20260102)
    cases = ",\n".join(json.dumps(one(chance), ensure_ascii=False) for _ in range(200))
    sys.stdout.write(f"[\n{cases}\n]\n")


if __name__ == "__main__":
    main()

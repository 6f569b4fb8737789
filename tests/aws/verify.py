# SPDX-License-Identifier: MIT
"""Verify AWS signatures with botocore: for each line of JSON on standard input, a
request with the credentials that it should be signed with, print the signature that
botocore makes of it."""
import base64
import json
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def signature(request):
    auth = SigV4Auth(Credentials(request["key"], request["secret"], request.get("token")), request["service"], request["region"])
    made = AWSRequest(request["method"], request["url"], request["headers"], base64.b64decode(request["body"]))
    made.context["timestamp"] = request["date"]
    canonical = auth.canonical_request(made)
    return auth.signature(auth.string_to_sign(made, canonical), made)


for line in sys.stdin:
    print(signature(json.loads(line)), flush=True)

# SPDX-License-Identifier: MIT
"""Work out the AWS signature, version 4, of the request on standard input anew.

check_signature.py SECRET REGION SERVICE NAME... fails if it is another than the
request has, or if one of the headers of these names is not signed.
"""
import hashlib
import hmac
import re
import sys


def keyed(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def main():
    secret, region, service, *names = sys.argv[1:]
    head, body = sys.stdin.buffer.read().decode().split("\r\n\r\n", 1)
    line, *lines = head.split("\r\n")
    method, target, _ = line.split(" ")
    headers = {}
    for each in lines:
        name, value = each.split(":", 1)
        headers[name.lower()] = " ".join(value.split())
    given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^,]+), ?SignedHeaders=([^,]+), ?"
                         r"Signature=([0-9a-f]{64})", headers["authorization"])
    if not given:
        sys.exit("no signature: " + headers["authorization"])
    _, day, scope, signed, signature = given.groups()
    for name in ["host", "x-amz-date", *names]:
        if name not in signed.split(";"):
            sys.exit(f"{name} is not signed: {signed}")
    if scope != f"{region}/{service}/aws4_request" or not headers["x-amz-date"].startswith(day):
        sys.exit(f"signed for {day}/{scope}")
    canonical = "\n".join([method, target, "", *(f"{name}:{headers[name]}" for name in sorted(signed.split(";"))),
                           "", signed, digest(body)])
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], f"{day}/{scope}", digest(canonical)])
    key = ("AWS4" + secret).encode()
    for part in [day, region, service, "aws4_request"]:
        key = keyed(key, part)
    if keyed(key, text).hex() != signature:
        sys.exit("another signature than of\n" + canonical)


main()

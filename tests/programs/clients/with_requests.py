"""An unmodified program that calls out with `requests`; HTTP_PROXY does the rest."""

import sys

import requests

plain, secure, authority = sys.argv[1:]

with requests.Session() as session:
    print(session.get(f"{plain}/python/get?page=2").text)
    print(session.post(f"{plain}/echo/python", json={"sku": 7}).json()["sku"])
    print(session.get(f"{plain}/status/404/python").status_code)
    print(session.get(f"{secure}/python/secure", verify=authority).text)

"""An unmodified program that calls out with `httpx`, which offers HTTP/2 inside a tunnel."""

import asyncio
import sys

import httpx

plain, secure, authority = sys.argv[1:]


async def main():
    async with httpx.AsyncClient(http2=True, verify=authority) as client:
        pages = await asyncio.gather(*(client.get(f"{plain}/httpx/{n}?q={n}") for n in range(5)))
        print([page.status_code for page in pages])
        answer = await client.get(f"{secure}/httpx/secure")
        print(answer.status_code, answer.http_version)


asyncio.run(main())

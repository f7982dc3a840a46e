// An unmodified program that calls out with fetch and obeys HTTP_PROXY, in one of three ways:
//   native    Node.js's own fetch under NODE_USE_ENV_PROXY=1, which Node.js 24 and later obey
//   tunnel    the same fetch from the undici package, as Node.js 24 has it: a CONNECT tunnel even
//             for plain HTTP
//   absolute  the same again, as undici 8 has it: absolute-form requests for plain HTTP
const [way, origin, secure] = process.argv.slice(2);

let call = globalThis.fetch;
if (way !== "native") {
  const undici = await import("undici");
  undici.setGlobalDispatcher(new undici.EnvHttpProxyAgent({ proxyTunnel: way === "tunnel" }));
  call = undici.fetch;
}

const page = await call(`${origin}/node/fetch?page=2`);
console.log(page.status, await page.text());
const echo = await call(`${origin}/echo/node`, {
  method: "POST",
  body: JSON.stringify({ sku: 7 }),
  headers: { "content-type": "application/json" },
});
console.log(echo.status, (await echo.json()).sku);
const tunnelled = await call(`${secure}/node/secure`);
console.log(tunnelled.status, await tunnelled.text());

// An unmodified program that calls out with fetch. Where Node.js understands NODE_USE_ENV_PROXY
// (24 and later) its own fetch obeys HTTP_PROXY; before that, the same fetch from the undici
// package is given the agent that Node.js would have given it.
const [origin, secure] = process.argv.slice(2);
const major = Number(process.versions.node.split(".")[0]);

let call = globalThis.fetch;
if (major < 24) {
  const undici = await import("undici");
  undici.setGlobalDispatcher(new undici.EnvHttpProxyAgent());
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
